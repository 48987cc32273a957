import { type Checkpoint, openCheckpoint } from './checkpoint.ts';
import { type Edge, EMPTY_EDGE, edgeRoot, grow } from './edge.ts';
import { type LedgerFiles, readBundle, readTile } from './files.ts';
import type { Verifier } from './note.ts';
import { decodeRecords } from './record.ts';
import { LONGEST_ENTRY, partialTiles, TILE_WIDTH, tilePath } from './tiles.ts';
import { type Hash, leafHash, sha256 } from './tree.ts';

export interface Problem {
  readonly code:
    | 'key' // the verifier key is missing or no key
    | 'checkpoint' // missing, malformed, or not signed by the key
    | 'missing' // a tile, bundle or whole entry
    | 'altered' // a file, or an entry in it, is not what the tree says
    | 'root' // everything is there and leads to another root than the signed one
    | 'rolled-back' // an earlier checkpoint covers more entries
    | 'forked' // an earlier checkpoint has another root at its size
    | 'order'; // an entry's index or time is not where it belongs
  readonly message: string;
  /** File, or `entry N`. */
  readonly at: string;
}

export type Verification =
  | {
      readonly ok: true;
      readonly size: number;
      /** Base64, as in the checkpoint. */
      readonly root: string;
      readonly origin: string;
      /** The verifier key that was believed. */
      readonly key: string;
      /** Whole entries in the log that no head covers yet. */
      readonly unsigned: number;
      readonly gaps: number;
      /** Sizes of the earlier checkpoints that this ledger continues. */
      readonly continues: readonly number[];
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

const MOST_PROBLEMS = 100;

interface Walk {
  readonly files: LedgerFiles;
  readonly problems: Problem[];
  /** Roots of the heads that have to be passed on the way, by size. */
  readonly passing: Map<number, Hash | undefined>;
  lastTime: string;
  gaps: number;
}

/** Reads every entry and builds the tree anew. Whoever altered the folder controls every byte but the key.
 *  @param earlier  checkpoints (signed notes) that have left the machine before: the ledger must continue each of them */
export async function verifyFiles(
  files: LedgerFiles,
  key: Verifier,
  keyLine: string,
  earlier: readonly string[],
): Promise<Verification> {
  const problems: Problem[] = [];
  const head = await readHead(files, key, problems);
  if (head === undefined) return { ok: false, problems };
  const heads = earlier.map((note, i) => openEarlier(note, key, head, `earlier checkpoint ${i + 1}`, problems));
  const known = heads.filter((one) => one !== undefined);
  const walk: Walk = {
    files,
    problems,
    passing: new Map(known.map(({ size }) => [size, undefined])),
    lastTime: '',
    gaps: 0,
  };
  const edge = await walkEntries(walk, head.size);
  if (edge !== undefined) {
    await checkPartials(walk, edge);
    if (!edgeRoot(edge).equals(head.root))
      problems.push({ code: 'root', message: 'the entries do not lead to the signed root', at: 'checkpoint' });
    for (const one of known)
      if (!walk.passing.get(one.size)?.equals(one.root))
        problems.push({
          code: 'forked',
          message: `the history up to entry ${one.size} is another one`,
          at: 'checkpoint',
        });
  }
  const unsigned = await countUnsigned(files, head.size);
  if (problems.length > 0) return { ok: false, problems };
  const { size, origin } = head;
  const root = head.root.toString('base64');
  return {
    ok: true,
    size,
    root,
    origin,
    key: keyLine,
    unsigned,
    gaps: walk.gaps,
    continues: known.map((one) => one.size),
  };
}

async function readHead(files: LedgerFiles, key: Verifier, problems: Problem[]): Promise<Checkpoint | undefined> {
  const note = await files.read('checkpoint');
  const opened = note && openCheckpoint(note.toString(), key);
  if (opened?.ok) return opened;
  const message = opened === undefined ? 'the checkpoint is missing' : `the checkpoint is not valid: ${opened.why}`;
  problems.push({ code: 'checkpoint', message, at: 'checkpoint' });
  return undefined;
}

function openEarlier(
  note: string,
  key: Verifier,
  head: Checkpoint,
  at: string,
  problems: Problem[],
): Checkpoint | undefined {
  const opened = openCheckpoint(note, key);
  if (!opened.ok) {
    problems.push({ code: 'checkpoint', message: `it is not one of this ledger's: ${opened.why}`, at });
    return undefined;
  }
  if (opened.size <= head.size) return opened;
  const message = `it covers ${opened.size} entries, the ledger has only ${head.size}`;
  problems.push({ code: 'rolled-back', message, at });
  return undefined;
}

/** @returns the tree's right edge, or undefined where the walk cannot go on */
async function walkEntries(walk: Walk, size: number): Promise<Edge | undefined> {
  let edge = EMPTY_EDGE;
  notePassing(walk, edge, []);
  while (edge.size < size && walk.problems.length < MOST_PROBLEMS) {
    const leaves = await checkBundle(walk, edge.size / TILE_WIDTH, Math.min(TILE_WIDTH, size - edge.size));
    if (leaves === undefined) return undefined;
    notePassing(walk, edge, leaves);
    const grown = grow(edge, leaves);
    for (const tile of grown.full) if (tile.level > 0) await checkTile(walk, tile.level, tile.index, tile.hashes);
    edge = grown.edge;
  }
  return edge.size === size ? edge : undefined;
}

function notePassing(walk: Walk, edge: Edge, leaves: readonly Hash[]): void {
  for (const size of walk.passing.keys())
    if (size >= edge.size && size <= edge.size + leaves.length)
      walk.passing.set(size, edgeRoot(grow(edge, leaves.slice(0, size - edge.size)).edge));
}

/** @returns the leaf hashes of one bundle, from its entries; from its tile where the entries are gone */
async function checkBundle(walk: Walk, index: number, width: number): Promise<readonly Hash[] | undefined> {
  const { files, problems } = walk;
  const entries = await readBundle(files, index, width);
  const tile = await readTile(files, 0, index, width);
  const first = index * TILE_WIDTH;
  const path = tilePath(0, index, width);
  if (tile.kind !== 'found') problems.push({ code: tile.kind, message: `the tile is ${tile.kind}`, at: path });
  if (entries.kind !== 'found') {
    const message = `entries ${first} to ${first + width - 1} are ${entries.kind}`;
    problems.push({ code: entries.kind, message, at: tilePath('entries', index, width) });
    return tile.kind === 'found' ? tile.items : undefined;
  }
  const leaves = entries.items.map(leafHash);
  for (const [i, bytes] of entries.items.entries()) {
    const at = `entry ${first + i}`;
    if (tile.kind === 'found' && !(tile.items[i] as Hash).equals(leaves[i] as Hash))
      problems.push({ code: 'altered', message: `its bytes are not those of ${path}`, at });
    const whole = checkEntry(walk, first + i, bytes);
    if (whole !== undefined) await checkWhole(walk, String(whole), at);
  }
  return leaves;
}

/** @returns the digest of the whole entry that is kept beside */
function checkEntry(walk: Walk, index: number, bytes: Buffer): unknown {
  const { problems } = walk;
  const at = `entry ${index}`;
  const entry = parse(bytes);
  if (entry === undefined) {
    problems.push({ code: 'altered', message: 'it is not a JSON object', at });
    return undefined;
  }
  if (entry.index !== index)
    problems.push({ code: 'order', message: `it calls itself ${JSON.stringify(entry.index)}`, at });
  if (typeof entry.time !== 'string' || entry.time < walk.lastTime)
    problems.push({ code: 'order', message: 'its time is earlier than that of the entry before', at });
  else walk.lastTime = entry.time;
  if (entry.event === 'gap') walk.gaps++;
  return entry.whole;
}

function parse(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

async function checkWhole({ files, problems }: Walk, digest: string, at: string): Promise<void> {
  const bytes = /^[0-9a-f]{64}$/.test(digest) ? await files.read(`whole/${digest}`) : undefined;
  if (bytes === undefined) problems.push({ code: 'missing', message: 'its whole text is missing', at });
  else if (sha256(bytes).toString('hex') !== digest)
    problems.push({ code: 'altered', message: 'its whole text is altered', at });
}

async function checkTile(
  { files, problems }: Walk,
  level: number,
  index: number,
  hashes: readonly Hash[],
): Promise<void> {
  const at = tilePath(level, index, hashes.length);
  const tile = await readTile(files, level, index, hashes.length);
  if (tile.kind !== 'found') problems.push({ code: tile.kind, message: `the tile is ${tile.kind}`, at });
  else if (!tile.items.every((hash, i) => hash.equals(hashes[i] as Hash)))
    problems.push({ code: 'altered', message: 'the tile is not that of the entries', at });
}

async function checkPartials(walk: Walk, edge: Edge): Promise<void> {
  for (const { level, index } of partialTiles(edge.size))
    if (level > 0) await checkTile(walk, level, index, edge.levels[level] as Hash[]);
}

async function countUnsigned(files: LedgerFiles, size: number): Promise<number> {
  let unsigned = 0;
  for (const name of await files.list('log')) {
    if (!/^[0-9]{16}$/.test(name)) continue;
    const { bodies } = decodeRecords((await files.read(`log/${name}`)) ?? Buffer.alloc(0), LONGEST_ENTRY);
    unsigned += Math.max(0, Math.min(bodies.length, Number(name) + bodies.length - size));
  }
  return unsigned;
}
