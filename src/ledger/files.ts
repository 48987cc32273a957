import { decodeBundle, decodeTile, TILE_WIDTH, type TileKind, tilePath } from './tiles.ts';
import type { Hash } from './tree.ts';

/** A ledger's folder as its reader sees it, wherever it is kept. Paths are relative, with `/`. */
export interface LedgerFiles {
  /** @returns undefined where there is no such file */
  read(path: string): Promise<Buffer | undefined>;
  /** @returns the names in a folder, none where there is no such folder */
  list(folder: string): Promise<readonly string[]>;
}

/** `missing`: no file that covers the width; `altered`: there is one, and it is not what the format demands. */
export type Part<T> = { readonly kind: 'found'; readonly items: T[] } | { readonly kind: 'missing' | 'altered' };

export function readBundle(files: LedgerFiles, index: number, width: number): Promise<Part<Buffer>> {
  return readWidth(files, 'entries', index, width, decodeBundle);
}

export function readTile(files: LedgerFiles, level: number, index: number, width: number): Promise<Part<Hash>> {
  return readWidth(files, level, index, width, decodeTile);
}

/** A head comes once a second: nobody who reads is overtaken so often, unless the folder is changed in order to keep the reader there. */
const MOST_LOOKS = 20;

/** The first `width` items of a tile. A folder whose ledger is at work, or was while it was copied, may have lost the partial tile and hold a
 *  wider one instead, which begins with the same items. Of those the narrowest is whole: the next may be being written, or this be taken away
 *  when that is in place, so they are looked for again as long as the names change. */
async function readWidth<T>(
  files: LedgerFiles,
  kind: TileKind,
  index: number,
  width: number,
  decode: (bytes: Buffer) => T[] | undefined,
): Promise<Part<T>> {
  const path = tilePath(kind, index, width);
  const exact = await files.read(path);
  if (exact !== undefined) return part(decode(exact), width, width);
  if (width === TILE_WIDTH) return { kind: 'missing' };
  const folder = path.slice(0, path.lastIndexOf('/'));
  let before: string | undefined;
  for (let looks = 1; ; looks++) {
    const wider = (await files.list(folder)).map(Number).filter((other) => other > width && other < TILE_WIDTH);
    let found: Part<T> = { kind: 'missing' };
    for (const other of [...wider.sort((a, b) => a - b), TILE_WIDTH]) {
      const bytes = await files.read(other === TILE_WIDTH ? tilePath(kind, index) : tilePath(kind, index, other));
      if (bytes !== undefined) found = part(decode(bytes), width, other);
      if (found.kind === 'found') return found;
    }
    if (before === wider.join() || looks === MOST_LOOKS) return found;
    before = wider.join();
  }
}

function part<T>(items: T[] | undefined, width: number, expected: number): Part<T> {
  if (items === undefined || items.length !== expected) return { kind: 'altered' };
  return { kind: 'found', items: items.slice(0, width) };
}
