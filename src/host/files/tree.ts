import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { copiedFiles } from '../hands/copies.ts';

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
  const from = realpathSync(fileURLToPath(new URL('../../..', import.meta.url)));
  const { version } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')) as { version: string };
  const kept = join(from, '.digest');
  return { from, version, digest: existsSync(kept) ? readFileSync(kept, 'utf8').trim() : digestOf(from) };
}

function digestOf(from: string): string {
  const hash = createHash('sha256').update(process.version);
  for (const path of copiedFiles(from)) hash.update(`\0${path}\0`).update(readFileSync(join(from, path)));
  return hash.digest('hex');
}
