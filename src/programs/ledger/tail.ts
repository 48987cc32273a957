import { decodeBundle, decodeTile, TILE_WIDTH } from '../../ledger/tiles.ts';
import { HASH_BYTES, type Hash, leafHash } from '../../ledger/tree.ts';

/** Up to 256 entries as their bundle will hold them, and their leaf hashes as their tile will: two buffers, however many
 *  entries, so that a busy second does not become a hundred thousand objects. */
interface Chunk {
  bundle: Buffer;
  /** Bytes of `bundle` in use. */
  used: number;
  count: number;
  /** Where each entry begins. */
  readonly starts: number[];
  readonly tile: Buffer;
}

const FIRST_BYTES = 16 * 1024;

/** The entries that are not in a full published bundle yet. Everything before `start` is read from files, so what is held in
 *  memory is about a second's worth. */
export class Tail {
  #start: number;
  #end: number;
  #chunks: Chunk[] = [];
  #bytes = 0;

  /** @param start  a multiple of 256 */
  constructor(start: number) {
    if (start % TILE_WIDTH !== 0) throw new RangeError(`${start} begins no bundle`);
    this.#start = start;
    this.#end = start;
  }

  get start(): number {
    return this.#start;
  }

  /** The index of the next entry. */
  get end(): number {
    return this.#end;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(entry: Buffer): void {
    if (this.#end % TILE_WIDTH === 0)
      this.#chunks.push({
        bundle: Buffer.allocUnsafeSlow(FIRST_BYTES),
        used: 0,
        count: 0,
        starts: [],
        tile: Buffer.allocUnsafeSlow(TILE_WIDTH * HASH_BYTES),
      });
    const chunk = this.#chunks.at(-1) as Chunk;
    const length = 2 + entry.length;
    if (chunk.used + length > chunk.bundle.length) {
      const wider = Buffer.allocUnsafeSlow(Math.max(2 * chunk.bundle.length, chunk.used + length));
      chunk.bundle.copy(wider, 0, 0, chunk.used);
      chunk.bundle = wider;
    }
    chunk.bundle.writeUInt16BE(entry.length, chunk.used);
    entry.copy(chunk.bundle, chunk.used + 2);
    leafHash(entry).copy(chunk.tile, chunk.count * HASH_BYTES);
    chunk.starts.push(chunk.used);
    chunk.used += length;
    chunk.count++;
    this.#bytes += length;
    this.#end++;
  }

  /** The bundle's bytes for entries from its first to before `end`. Not to be changed; valid until dropped. */
  bundle(index: number, end: number): Buffer {
    const { bundle, used, starts, count } = this.#chunk(index);
    const width = end - index * TILE_WIDTH;
    return bundle.subarray(0, width < count ? starts[width] : used);
  }

  /** The leaf hashes of [from, to), which lie in one bundle. */
  hashes(from: number, to: number): Hash[] {
    const index = Math.floor(from / TILE_WIDTH);
    const first = index * TILE_WIDTH;
    return decodeTile(
      this.#chunk(index).tile.subarray((from - first) * HASH_BYTES, (to - first) * HASH_BYTES),
    ) as Hash[];
  }

  /** The entries of [from, to), which lie in one bundle. */
  entries(from: number, to: number): Buffer[] {
    const index = Math.floor(from / TILE_WIDTH);
    const { starts } = this.#chunk(index);
    return decodeBundle(this.bundle(index, to).subarray(starts[from - index * TILE_WIDTH])) as Buffer[];
  }

  /** Lets go of the bundles that are full and end at or below `index`. */
  dropBelow(index: number): void {
    const count = Math.floor((Math.min(index, this.#end) - this.#start) / TILE_WIDTH);
    if (count <= 0) return;
    for (const { used } of this.#chunks.splice(0, count)) this.#bytes -= used;
    this.#start += count * TILE_WIDTH;
  }

  #chunk(index: number): Chunk {
    const chunk = this.#chunks[index - this.#start / TILE_WIDTH];
    if (chunk === undefined) throw new RangeError(`bundle ${index} is not held`);
    return chunk;
  }
}
