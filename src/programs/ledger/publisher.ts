import type { KeyObject } from 'node:crypto';
import { readdir, rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { signCheckpoint } from '../../ledger/checkpoint.ts';
import { type Edge, edgeRoot, grow } from '../../ledger/edge.ts';
import type { Verifier } from '../../ledger/note.ts';
import { partialTiles, TILE_WIDTH, tilePath } from '../../ledger/tiles.ts';
import type { Hash } from '../../ledger/tree.ts';
import { makeFolderFor, replaceFile, syncFolder, writeSynced } from './files.ts';
import type { Tail } from './tail.ts';

export interface Head {
  readonly edge: Edge;
  readonly root: Hash;
  /** The signed note. */
  readonly checkpoint: string;
}

export interface Signer {
  readonly verifier: Verifier;
  readonly privateKey: KeyObject;
}

/** Writes bundles, tiles and the checkpoint for the first `size` entries, which are acknowledged and, from the start of the
 *  head's partial bundle on, in the tail. Everything the checkpoint covers is on disk before it is signed into place; files that
 *  an earlier checkpoint relies on are not touched before that, so any crash leaves the old head or the new one whole. */
export async function publish(dir: string, head: Head, size: number, tail: Tail, signer: Signer): Promise<Head> {
  const from = head.edge.size;
  const files: [path: string, bytes: Buffer][] = [];
  let edge = head.edge;
  for (let at = from; at < size; ) {
    const index = Math.floor(at / TILE_WIDTH);
    const end = Math.min((index + 1) * TILE_WIDTH, size);
    files.push([tilePath('entries', index, end - index * TILE_WIDTH), tail.bundle(index, end)]);
    const grown = grow(edge, tail.hashes(at, end));
    for (const tile of grown.full) files.push([tilePath(tile.level, tile.index), Buffer.concat(tile.hashes)]);
    edge = grown.edge;
    at = end;
    await setImmediate(); // callers come first
  }
  // One that the earlier head has too is not written again: while it was being written, that head would be without it.
  const there = new Set(partialTiles(from).map(({ level, index, width }) => tilePath(level, index, width)));
  for (const { level, index, width } of partialTiles(size)) {
    const path = tilePath(level, index, width);
    if (!there.has(path)) files.push([path, Buffer.concat(edge.levels[level] as Hash[])]);
  }
  await writeAll(dir, files);
  const root = edgeRoot(edge);
  const checkpoint = signCheckpoint(size, root, signer.verifier, signer.privateKey);
  await replaceFile(join(dir, 'checkpoint'), checkpoint);
  await removePartials(dir, from, size);
  return { edge, root, checkpoint };
}

/** Several at a time, because fsyncs that wait together share a commit of the file system; not more, because the log's own
 *  fdatasync needs one of the four threads that do this work. */
const AT_A_TIME = 3;

async function writeAll(dir: string, files: readonly (readonly [path: string, bytes: Buffer])[]): Promise<void> {
  const touched = new Set<string>();
  for (const [path] of files) if (!touched.has(dirname(join(dir, path)))) await makeFolderFor(dir, path, touched);
  const rest = files.values();
  const writer = async (): Promise<void> => {
    for (const [path, bytes] of rest) await writeSynced(join(dir, path), bytes);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, writer));
  for (const folder of touched) await syncFolder(folder);
}

/** Removes every partial tile and bundle between the heads of `old` and `size` that the head of `size` does not need, also those
 *  of an attempt that failed half-way. */
async function removePartials(dir: string, old: number, size: number): Promise<void> {
  const kept = new Map(partialTiles(size).map(({ level, width }) => [level, width]));
  for (let level = 0, span = TILE_WIDTH; span / TILE_WIDTH <= size; level++, span *= TILE_WIDTH) {
    const last = Math.floor(size / span);
    for (let index = Math.floor(old / span); index <= last; index++) {
      const width = index === last ? kept.get(level) : undefined;
      for (const kind of level === 0 ? ([0, 'entries'] as const) : [level])
        await removeOthers(dirname(join(dir, tilePath(kind, index, 1))), width);
    }
  }
}

async function removeOthers(folder: string, width: number | undefined): Promise<void> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (names === undefined) return;
  for (const name of names) if (name !== String(width)) await unlink(join(folder, name));
  if (width === undefined) await rmdir(folder);
}
