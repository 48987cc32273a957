import { HASH_BYTES, type Hash } from './tree.ts';

/** The layout of C2SP tlog-tiles: tiles of height 8, entries in bundles of 256, paths in groups of three digits. */
export const TILE_WIDTH = 256;
/** An entry's length is a 16-bit number in a bundle. */
export const LONGEST_ENTRY = 0xffff;

export type TileKind = number | 'entries';

/** Path below the ledger's directory; a width below 256 is a partial tile.
 *  @param kind  the tile's level, or `entries` */
export function tilePath(kind: TileKind, index: number, width: number = TILE_WIDTH): string {
  const groups: string[] = [];
  for (let rest = index; groups.length === 0 || rest > 0; rest = Math.floor(rest / 1000))
    groups.unshift(`${groups.length === 0 ? '' : 'x'}${String(rest % 1000).padStart(3, '0')}`);
  const full = `tile/${kind}/${groups.join('/')}`;
  return width === TILE_WIDTH ? full : `${full}.p/${width}`;
}

export interface TileWidth {
  readonly level: number;
  readonly index: number;
  /** 1 to 255: how many hashes the partial tile holds. */
  readonly width: number;
}

/** The partial tiles of a tree: at level l it is floor(size / 256^l) mod 256 wide, and empty ones do not exist. */
export function partialTiles(size: number): TileWidth[] {
  const tiles: TileWidth[] = [];
  for (let level = 0, count = size; count > 0; level++, count = Math.floor(count / TILE_WIDTH)) {
    const width = count % TILE_WIDTH;
    if (width > 0) tiles.push({ level, index: Math.floor(count / TILE_WIDTH), width });
  }
  return tiles;
}

export function encodeBundle(entries: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    if (entry.length > LONGEST_ENTRY) throw new RangeError(`an entry of ${entry.length} bytes fits no bundle`);
    const length = Buffer.allocUnsafe(2);
    length.writeUInt16BE(entry.length);
    parts.push(length, entry);
  }
  return Buffer.concat(parts);
}

/** @returns the entries, or undefined where the bytes are not a sequence of whole entries */
export function decodeBundle(bytes: Buffer): Buffer[] | undefined {
  const entries: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (bytes.length - at < 2) return undefined;
    const end = at + 2 + bytes.readUInt16BE(at);
    if (end > bytes.length) return undefined;
    entries.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return entries;
}

/** @returns the hashes, or undefined where the length is no multiple of 32 */
export function decodeTile(bytes: Buffer): Hash[] | undefined {
  if (bytes.length % HASH_BYTES !== 0) return undefined;
  return Array.from({ length: bytes.length / HASH_BYTES }, (_, i) =>
    bytes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
  );
}
