import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint } from '../../ledger/checkpoint.ts';
import { type Edge, EMPTY_EDGE, edgeRoot } from '../../ledger/edge.ts';
import { decodeRecords, recordBytes } from '../../ledger/record.ts';
import { decodeBundle, decodeTile, LONGEST_ENTRY, partialTiles, TILE_WIDTH, tilePath } from '../../ledger/tiles.ts';
import { leafHash } from '../../ledger/tree.ts';
import { Failure } from '../../model/failure.ts';
import { readIfThere } from './files.ts';
import { signingKey } from './key.ts';
import type { Head, Signer } from './publisher.ts';
import { Tail } from './tail.ts';

export interface Recovered {
  readonly signer: Signer;
  /** The last published head; undefined on the very first start. */
  readonly head: Head | undefined;
  /** From the head's partial bundle to the last whole record of the log. */
  readonly tail: Tail;
  /** Bytes of a record that a crash cut short. */
  readonly torn: number;
  /** Milliseconds of the last entry, 0 where there is none. */
  readonly lastTime: number;
  /** Segments that may go once everything recovered is published. */
  readonly segments: readonly string[];
}

/** Reads what a former process left, and changes nothing but the key and the folders of a first start.
 *  @throws Failure `ledger-damaged` where bytes are missing or altered that were once acknowledged */
export async function recover(dir: string): Promise<Recovered> {
  for (const folder of ['log', 'whole', 'tile']) await mkdir(join(dir, folder), { recursive: true, mode: 0o700 });
  const checkpoint = await readIfThere(join(dir, 'checkpoint'));
  const names = (await readdir(join(dir, 'log'))).filter((name) => /^[0-9]{16}$/.test(name)).sort();
  const used =
    checkpoint !== undefined ||
    names.length > 0 ||
    (await readdir(join(dir, 'tile', 'entries')).catch(() => [])).length > 0;
  const signer = await signingKey(dir, !used);
  if (signer === undefined) throw damaged('its signing key is gone');
  if (used && checkpoint === undefined) throw damaged('its checkpoint is gone');
  const head = checkpoint && (await readHead(dir, checkpoint.toString(), signer));
  const tail = await readTail(dir, head?.edge ?? EMPTY_EDGE);
  const torn = await readLog(dir, names, tail);
  return { signer, head, tail, torn, lastTime: await timeOfLast(dir, tail), segments: names };
}

function damaged(what: string): Failure {
  return new Failure(
    'ledger-damaged',
    `The ledger is damaged: ${what}.`,
    'Keep a copy of its folder as evidence, restore it from a backup, and see: bulkhead ledger verify',
    3,
  );
}

async function readHead(dir: string, checkpoint: string, signer: Signer): Promise<Head> {
  const opened = openCheckpoint(checkpoint, signer.verifier);
  if (!opened.ok) throw damaged(`its checkpoint is not one of its own (${opened.why})`);
  const levels: Buffer[][] = [];
  for (const { level, index, width } of partialTiles(opened.size)) {
    const bytes = await readIfThere(join(dir, tilePath(level, index, width)));
    const hashes = bytes && decodeTile(bytes);
    if (hashes?.length !== width) throw damaged(`the tile ${tilePath(level, index, width)} is missing or cut`);
    while (levels.length < level) levels.push([]);
    levels.push(hashes);
  }
  const edge: Edge = { size: opened.size, levels };
  if (!edgeRoot(edge).equals(opened.root)) throw damaged('its tiles do not lead to its checkpoint');
  return { edge, root: opened.root, checkpoint };
}

/** The entries of the head's partial bundle, which the next bundle begins with. */
async function readTail(dir: string, edge: Edge): Promise<Tail> {
  const width = edge.size % TILE_WIDTH;
  const tail = new Tail(edge.size - width);
  if (width === 0) return tail;
  const path = tilePath('entries', tail.start / TILE_WIDTH, width);
  const bytes = await readIfThere(join(dir, path));
  const entries = bytes && decodeBundle(bytes);
  const sound = entries?.length === width && entries.every((entry, i) => edge.levels[0]?.[i]?.equals(leafHash(entry)));
  if (!sound) throw damaged(`the bundle ${path} is missing or altered`);
  for (const entry of entries) tail.push(entry);
  return tail;
}

/** Adds the log's records from the head on. Only the last segment may end torn, and only above the head: everything below was
 *  acknowledged, and a segment is synced before the next begins. @returns the torn bytes */
async function readLog(dir: string, names: readonly string[], tail: Tail): Promise<number> {
  const published = tail.end;
  let next: number | undefined;
  let torn = 0;
  for (const [i, name] of names.entries()) {
    const first = Number(name);
    if (first > (next ?? published) || (next !== undefined && first !== next))
      throw damaged(`the log jumps from entry ${next ?? published} to ${first}`);
    const bytes = await readFile(join(dir, 'log', name));
    const { bodies, whole } = decodeRecords(bytes, LONGEST_ENTRY);
    next = first + bodies.length;
    torn = bytes.length - whole;
    if (torn > 0 && (i < names.length - 1 || next < published))
      throw damaged(`log/${name} is altered at byte ${whole}`);
    let at = 0;
    for (const [j, body] of bodies.entries()) {
      if (first + j >= tail.end && indexOf(body) !== first + j) {
        // Blocks of a segment that was removed may come back with a loss of power: a torn end like any other.
        if (i < names.length - 1) throw damaged(`log/${name} holds another entry in place of ${first + j}`);
        torn = bytes.length - at;
        break;
      }
      if (first + j >= tail.end) tail.push(body);
      at += recordBytes(body);
    }
  }
  return torn;
}

function indexOf(body: Buffer): unknown {
  try {
    return (JSON.parse(body.toString()) as { index?: unknown }).index;
  } catch {
    return undefined;
  }
}

async function timeOfLast(dir: string, tail: Tail): Promise<number> {
  let last = tail.end > tail.start ? tail.entries(tail.end - 1, tail.end)[0] : undefined;
  if (last === undefined) {
    if (tail.start === 0) return 0;
    const path = tilePath('entries', tail.start / TILE_WIDTH - 1);
    last = decodeBundle((await readIfThere(join(dir, path))) ?? Buffer.alloc(0))?.at(-1);
    if (last === undefined) throw damaged(`the bundle ${path} is missing or cut`);
  }
  const time = Date.parse((JSON.parse((last as Buffer).toString()) as { time: string }).time);
  if (!Number.isFinite(time)) throw damaged(`entry ${tail.end - 1} has no time`);
  return time;
}
