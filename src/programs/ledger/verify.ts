import { cp, mkdir, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseCheckpoint } from '../../ledger/checkpoint.ts';
import { type LedgerFiles, type Part, readBundle, readTile } from '../../ledger/files.ts';
import { formatVerifier, parseVerifier } from '../../ledger/note.ts';
import { encodeBundle, partialTiles, TILE_WIDTH, type TileKind, tilePath } from '../../ledger/tiles.ts';
import { type Verification, verifyFiles } from '../../ledger/verify.ts';
import { Failure } from '../../model/failure.ts';
import { readIfThere, writeSynced } from './files.ts';

export interface VerifyOptions {
  /** A C2SP verifier key that was kept elsewhere; without it the folder's own `key.pub` is believed, and the answer says so. */
  readonly key?: string;
  /** Checkpoints that have left the machine before, as text. */
  readonly earlier?: readonly string[];
}

/** Verifies a ledger's folder, or a copy of it, without its process and without a network. Reads only. */
export async function verifyLedger(dir: string, options: VerifyOptions = {}): Promise<Verification> {
  const line = (options.key ?? (await readIfThere(join(dir, 'key.pub')))?.toString() ?? '').trim();
  const key = parseVerifier(line);
  if (key === undefined)
    return { ok: false, problems: [{ code: 'key', message: 'there is no verifier key', at: 'key.pub' }] };
  return verifyFiles(filesOf(dir), key, line, options.earlier ?? []);
}

export function filesOf(dir: string): LedgerFiles {
  return {
    read: (path) => readIfThere(join(dir, path)),
    list: (folder) =>
      readdir(join(dir, folder)).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return [];
        throw error;
      }),
  };
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
  const checkpoint = (await readFile(join(dir, 'checkpoint'))).toString();
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
  await cp(join(dir, 'whole'), join(to, 'whole'), { recursive: true });
  const key = parseVerifier((await readFile(join(dir, 'key.pub'))).toString().trim());
  if (key === undefined) throw failed('key.pub');
  await writeSynced(join(to, 'key.pub'), `${formatVerifier(key)}\n`, 0o644);
  await writeSynced(join(to, 'checkpoint'), checkpoint, 0o644);
  return { size: head.size, checkpoint };
}

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
