import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseCheckpoint } from '../../ledger/checkpoint.ts';
import { type LedgerFiles, type Part, readBundle, readTile } from '../../ledger/files.ts';
import { formatVerifier, parseVerifier } from '../../ledger/note.ts';
import { encodeBundle, partialTiles, TILE_WIDTH, type TileKind, tilePath } from '../../ledger/tiles.ts';
import { type Verification, verifyFiles } from '../../ledger/verify.ts';
import { Failure } from '../../model/failure.ts';
import { writeSynced } from './files.ts';

export interface VerifyOptions {
  /** A C2SP verifier key that was kept elsewhere; without it the folder's own `key.pub` is believed, and the answer says so. */
  readonly key?: string;
  /** Checkpoints that have left the machine before, as text. */
  readonly earlier?: readonly string[];
}

/** Verifies a ledger's folder, or a copy of it, without its process and without a network. Reads only. */
export async function verifyLedger(dir: string, options: VerifyOptions = {}): Promise<Verification> {
  const files = filesOf(dir);
  const line = (options.key ?? (await files.read('key.pub'))?.toString() ?? '').trim();
  const key = parseVerifier(line);
  if (key === undefined)
    return { ok: false, problems: [{ code: 'key', message: 'there is no verifier key', at: 'key.pub' }] };
  return verifyFiles(files, key, line, options.earlier ?? []);
}

/** No file of a ledger is longer: a segment of the log, a little over 32 MiB, is the longest. */
const LONGEST_FILE = 64 * 1024 * 1024;
/** What stands in a file's place: nothing, a link, a folder, a socket. */
const NO_FILE = new Set(['ENOENT', 'ELOOP', 'ENOTDIR', 'EISDIR', 'ENXIO']);

/** The folder may be hostile: no link is followed, nothing but a regular file of sensible length is read. Synchronous inside,
 *  because nobody waits for this process and a million entries are eight thousand files. */
export function filesOf(dir: string): LedgerFiles {
  return {
    read: async (path) => unless(NO_FILE, undefined, () => readRegular(join(dir, path))),
    list: async (folder) => unless(NO_FILE, [], () => readdirSync(join(dir, folder))),
  };
}

function unless<T>(codes: ReadonlySet<string>, otherwise: T, attempt: () => T): T {
  try {
    return attempt();
  } catch (error) {
    if (codes.has((error as NodeJS.ErrnoException).code ?? '')) return otherwise;
    throw error;
  }
}

function readRegular(path: string): Buffer | undefined {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const found = fstatSync(fd);
    return found.isFile() && found.size <= LONGEST_FILE ? readFileSync(fd) : undefined;
  } finally {
    closeSync(fd);
  }
}

/** Copies what the last signed head covers, and the verifier key, into a new folder: a complete tlog-tiles log that anybody can
 *  verify. The signing key and what is not signed yet stay behind. The ledger may be at work meanwhile.
 *  @throws Failure `export-exists`, `export-failed` */
export async function exportLedger(
  dir: string,
  to: string,
): Promise<{ readonly size: number; readonly checkpoint: string }> {
  await mkdir(dirname(to), { recursive: true });
  await mkdir(to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    throw new Failure('export-exists', `${to} is already there.`, 'Name a folder that does not exist yet.');
  });
  const files = filesOf(dir);
  const checkpoint = (await files.read('checkpoint'))?.toString() ?? '';
  const head = parseCheckpoint(checkpoint.slice(0, checkpoint.indexOf('\n\n') + 1));
  if (head === undefined) throw failed('checkpoint');
  const write = async (kind: TileKind, index: number, width: number, bytes: Buffer): Promise<void> => {
    const path = join(to, tilePath(kind, index, width));
    await mkdir(dirname(path), { recursive: true });
    await writeSynced(path, bytes, 0o644);
  };
  for (const { kind, index, width } of tilesOf(head.size)) {
    const part: Part<Buffer> =
      kind === 'entries' ? await readBundle(files, index, width) : await readTile(files, kind, index, width);
    if (part.kind !== 'found') throw failed(tilePath(kind, index, width));
    await write(kind, index, width, kind === 'entries' ? encodeBundle(part.items) : Buffer.concat(part.items));
  }
  await mkdir(join(to, 'whole'));
  for (const name of await files.list('whole')) {
    const bytes = DIGEST.test(name) ? await files.read(`whole/${name}`) : undefined;
    if (bytes !== undefined) await writeSynced(join(to, 'whole', name), bytes, 0o644);
  }
  const key = parseVerifier((await files.read('key.pub'))?.toString().trim() ?? '');
  if (key === undefined) throw failed('key.pub');
  await writeSynced(join(to, 'key.pub'), `${formatVerifier(key)}\n`, 0o644);
  await writeSynced(join(to, 'checkpoint'), checkpoint, 0o644);
  return { size: head.size, checkpoint };
}

const DIGEST = /^[0-9a-f]{64}$/;

function failed(path: string): Failure {
  return new Failure(
    'export-failed',
    `The ledger's ${path} is missing or altered.`,
    'See what is wrong: bulkhead ledger verify',
    1,
  );
}

/** Every tile and bundle of a tree of this size. */
function* tilesOf(size: number): Generator<{ kind: TileKind; index: number; width: number }> {
  for (let level = 0, count = Math.floor(size / TILE_WIDTH); count > 0; level++, count = Math.floor(count / TILE_WIDTH))
    for (let index = 0; index < count; index++) {
      yield { kind: level, index, width: TILE_WIDTH };
      if (level === 0) yield { kind: 'entries', index, width: TILE_WIDTH };
    }
  for (const { level, index, width } of partialTiles(size)) {
    yield { kind: level, index, width };
    if (level === 0) yield { kind: 'entries', index, width };
  }
}
