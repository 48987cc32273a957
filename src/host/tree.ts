import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { COPIED } from './hands/copies.ts';

/** The tree that this process runs from. */
export interface Tree {
  readonly from: string;
  readonly version: string;
  /** SHA-256 over the paths and bytes of all that is copied; a copy carries the digest of the tree it was made from. */
  readonly digest: string;
}

let known: Tree | undefined;

/** Read once: over a quarter of a hundred megabytes are digested where no digest is kept. */
export function thisTree(): Tree {
  known ??= treeOf();
  return known;
}

function treeOf(): Tree {
  const from = realpathSync(fileURLToPath(new URL('../..', import.meta.url)));
  const { version } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')) as { version: string };
  const kept = join(from, '.digest');
  return { from, version, digest: existsSync(kept) ? readFileSync(kept, 'utf8').trim() : digestOf(from) };
}

function digestOf(from: string): string {
  const hash = createHash('sha256').update(process.version);
  for (const part of COPIED)
    for (const path of filesOf(from, part)) hash.update(`\0${path}\0`).update(readFileSync(join(from, path)));
  return hash.digest('hex');
}

/** Paths relative to the tree, sorted. */
function filesOf(from: string, part: string): string[] {
  const stat = statSync(join(from, part), { throwIfNoEntry: false });
  if (stat === undefined) return [];
  if (!stat.isDirectory()) return [part];
  return readdirSync(join(from, part), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(from.length + 1))
    .sort();
}
