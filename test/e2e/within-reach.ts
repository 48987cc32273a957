import { chmodSync, mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { copies } from '../../src/host/hands/copies.ts';
import { removeTree } from '../../src/host/mounts.ts';
import { thisTree } from '../../src/host/tree.ts';

/** The product where every user of this machine can run it. */
export interface Reachable {
  readonly tree: string;
  readonly node: string;
  close(): void;
}

const TREE = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** This tree, or a copy of what the programs need where others may not enter it (a clone below a folder of mode 0700). */
export async function withinReach(): Promise<Reachable> {
  if (isOpen(TREE) && isOpen(process.execPath)) return { tree: TREE, node: process.execPath, close: () => {} };
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-reach-'));
  chmodSync(folder, 0o755);
  const tree = join(folder, 'tree');
  const { from, digest } = thisTree();
  await copies.make({ kind: 'copy', path: tree, from, digest });
  return { tree, node: join(tree, 'bin/node'), close: () => removeTree(folder) };
}

function isOpen(path: string): boolean {
  return (statSync(path).mode & 1) === 1 && (path === '/' || isOpen(dirname(path)));
}
