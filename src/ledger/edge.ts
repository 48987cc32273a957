import { TILE_WIDTH } from './tiles.ts';
import { type Hash, rootOf } from './tree.ts';

/** The right edge of a growing tree: for each tile level the hashes of the tile that is not full yet. It is all that is needed
 *  to go on appending and to know the root; for 10 million entries it is a few hundred hashes. */
export interface Edge {
  readonly size: number;
  readonly levels: readonly (readonly Hash[])[];
}

export interface FullTile {
  readonly level: number;
  readonly index: number;
  readonly hashes: readonly Hash[];
}

export const EMPTY_EDGE: Edge = { size: 0, levels: [] };

/** @returns the new edge, and the tiles that became full on the way, lowest level first for each leaf */
export function grow(edge: Edge, leaves: readonly Hash[]): { readonly edge: Edge; readonly full: readonly FullTile[] } {
  const levels = edge.levels.map((hashes) => [...hashes]);
  const full: FullTile[] = [];
  let size = edge.size;
  for (const leaf of leaves) {
    size++;
    let carried: Hash | undefined = leaf;
    for (let level = 0; carried !== undefined; level++) {
      const hashes = levels[level] ?? [];
      levels[level] = hashes;
      hashes.push(carried);
      carried = undefined;
      if (hashes.length < TILE_WIDTH) break;
      full.push({ level, index: size / TILE_WIDTH ** (level + 1) - 1, hashes });
      levels[level] = [];
      carried = rootOf(hashes);
    }
  }
  return { edge: { size, levels }, full };
}

/** The tree's root. Each level's hashes stand for subtrees of 256^level leaves, and what lies below to the right is one smaller
 *  subtree after them. */
export function edgeRoot(edge: Edge): Hash {
  let below: Hash | undefined;
  for (const hashes of edge.levels) {
    const row: readonly Hash[] = below === undefined ? hashes : [...hashes, below];
    if (row.length > 0) below = rootOf(row);
  }
  return below ?? rootOf([]);
}
