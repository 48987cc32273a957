import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeTree } from '../../src/host/files/mounts.ts';
import { writableByOthers } from '../../src/host/files/writable.ts';
import { gatherHost } from '../../src/host/machine/machine-facts.ts';
import { tryFreeze } from '../../src/host/machine/machine-tries.ts';
import { ran } from '../../src/host/processes/ran.ts';
import { bulkhead } from '../cli/stand-in.ts';

const root = process.getuid?.() === 0;

function left(unified: string | null): string[] {
  const loops = readdirSync('/sys/block').flatMap((name) => {
    try {
      return readFileSync(`/sys/block/${name}/loop/backing_file`, 'utf8').includes('bulkhead-doctor-') ? [name] : [];
    } catch {
      return [];
    }
  });
  const groups =
    unified === null ? [] : readdirSync(unified).filter((name) => name.startsWith(`bulkhead-doctor-${process.pid}`));
  return [...loops, ...groups];
}

test('what is tried on this machine is gone afterwards', { skip: !root && 'only root can try it' }, async () => {
  const facts = await gatherHost('/nonexistent/state');
  assert.deepEqual([facts.uid, facts.space.path, facts.node], [0, '/', process.versions.node]);
  for (const [name, result] of Object.entries(facts.tried)) assert.notEqual(result.works, 'unknown', name);
  // The kernel lets go of a loop device a moment after its mount; and another doctor may be at work on this machine.
  const nothing = (): boolean => left(facts.cgroup.unified).length === 0;
  for (const late = Date.now() + 60_000; !nothing() && Date.now() < late; ) await sleep(50);
  assert.deepEqual(left(facts.cgroup.unified), []);
});

test('a hierarchy that groups cannot be made in does not freeze', {
  skip: !root && 'only root can try it',
}, async () => {
  assert.deepEqual(await tryFreeze('/proc', 0), { works: false, why: 'no group can be made in it: ENOENT' });
  const folder = mkdtempSync(join(tmpdir(), 'bh-freeze-'));
  try {
    assert.deepEqual(await tryFreeze(folder, 0), {
      works: false,
      why: 'it has no cgroup.freeze, cgroup.kill, cgroup.events',
    });
    assert.deepEqual(readdirSync(folder), []);
  } finally {
    removeTree(folder);
  }
});

test('a program that is not there, fails, or is silent is a result', async () => {
  assert.equal((await ran('bulkhead-no-such-program', [])).exit, undefined);
  assert.equal((await ran('sh', ['-c', 'echo no >&2; exit 3'])).exit, 3);
  assert.equal((await ran('sh', ['-c', 'echo $HOME$SECRET'])).stdout, '\n');
});

test('a tree is open when somebody besides root may write in it or above it', {
  skip: !root && 'only root makes such a tree',
}, () => {
  const above = mkdtempSync(join(tmpdir(), 'bh-tree-'));
  const tree = join(above, 'tree');
  mkdirSync(join(tree, 'src'), { recursive: true });
  writeFileSync(join(tree, 'src/a.ts'), '');
  try {
    assert.deepEqual(writableByOthers(tree), []);
    chmodSync(join(tree, 'src/a.ts'), 0o666);
    assert.deepEqual(writableByOthers(tree), [join(tree, 'src/a.ts')]);
    chmodSync(join(tree, 'src/a.ts'), 0o644);
    chmodSync(above, 0o777);
    assert.deepEqual(writableByOthers(tree), [above]);
    chmodSync(above, 0o1777); // as /tmp: what is root's in it stays
    assert.deepEqual(writableByOthers(tree), []);
  } finally {
    removeTree(above);
  }
});

test('doctor --json is the facts and the findings, and its exit says whether tier sandbox runs', async () => {
  const { stdout, exit } = await bulkhead(['doctor', '--json']);
  const { facts, findings } = JSON.parse(stdout) as { facts: { kernel: string }; findings: { severity: string }[] };
  assert.match(facts.kernel, /^\d+\./);
  assert.equal(exit, findings.some(({ severity }) => severity === 'critical') ? 3 : 0);
});
