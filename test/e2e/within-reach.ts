import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeTree } from '../../src/host/files/mounts.ts';
import { thisTree } from '../../src/host/files/tree.ts';
import { copies } from '../../src/host/hands/copies.ts';

/** The product where every user of this machine can run it. */
export interface Reachable {
  readonly tree: string;
  readonly node: string;
  close(): void;
}

const TREE = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** A wall taken down in the text of a copy: `wall` stands in the file once. */
export interface Weakening {
  readonly file: string;
  readonly wall: string;
  readonly instead: string;
}

/** This tree, or a copy of what the programs need: where others may not enter it (a clone below a folder of mode 0700), and where it is weakened. */
export async function withinReach(weakenings: readonly Weakening[] = []): Promise<Reachable> {
  if (weakenings.length === 0 && isOpen(TREE) && isOpen(process.execPath))
    return { tree: TREE, node: process.execPath, close: () => {} };
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-reach-'));
  chmodSync(folder, 0o755);
  const tree = join(folder, 'tree');
  const { from, digest } = thisTree();
  await copies.make({ kind: 'copy', path: tree, from, digest });
  for (const { file, wall, instead } of weakenings) {
    const text = readFileSync(join(tree, file), 'utf8');
    assert.equal(text.split(wall).length, 2, `${file} has no such wall: ${wall}`);
    writeFileSync(
      join(tree, file),
      text.replace(wall, () => instead),
    );
  }
  return { tree, node: join(tree, 'bin/node'), close: () => removeTree(folder) };
}

function isOpen(path: string): boolean {
  return (statSync(path).mode & 1) === 1 && (path === '/' || isOpen(dirname(path)));
}
