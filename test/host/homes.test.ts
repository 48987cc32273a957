import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, rmdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import type { Of } from '../../src/host/hands/hand.ts';
import { homes } from '../../src/host/hands/homes.ts';

/** A home of the test's own; below /home, because nothing in a system folder is taken for one. */
function place(t: TestContext, mode: number): Of<'home'> {
  const path = `/home/bhproof-${process.pid}-${Math.random().toString(36).slice(2, 8)}`;
  mkdirSync(path);
  chmodSync(path, mode);
  t.after(() => removeTree(path));
  return { kind: 'home', path, mode: octal(mode & 0o7770), was: octal(mode) };
}
const octal = (mode: number): string => mode.toString(8).padStart(4, '0');
const modeOf = (path: string): number => statSync(path).mode & 0o7777;
const known = { wanted: true, made: true };

test('a home is closed to others and gets back exactly the mode it had', async (t) => {
  for (const mode of [0o755, 0o711, 0o2775, 0o1777]) {
    const what = place(t, mode);
    assert.equal(await homes.observe(what, known), undefined, 'open: not there');
    await homes.make(what);
    assert.equal(modeOf(what.path), mode & 0o7770);
    await homes.make(what); // ended half way, and done again
    assert.deepEqual(await homes.observe(what, known), what);
    await homes.remove(what);
    assert.equal(modeOf(what.path), mode);
    await homes.remove(what);
    assert.equal(modeOf(what.path), mode);
  }
});

test('what its owner has changed since stays as it is', async (t) => {
  const what = place(t, 0o755);
  await homes.make(what);
  chmodSync(what.path, 0o700);
  assert.equal(await homes.observe(what, known), undefined);
  await homes.remove(what);
  assert.equal(modeOf(what.path), 0o700);
});

test('a home that changed between plan and step is not closed by an old plan', async (t) => {
  const what = place(t, 0o755);
  chmodSync(what.path, 0o775);
  assert.throws(() => homes.make(what), { code: 'home-changed' });
  assert.equal(modeOf(what.path), 0o775);
});

test('no link is followed, at the end or on the way', async (t) => {
  const what = place(t, 0o755);
  const inner = { ...what, path: join(what.path, 'inner') };
  mkdirSync(inner.path, { mode: 0o755 });
  const link = place(t, 0o755);
  rmdirSync(link.path);
  symlinkSync(what.path, link.path);
  for (const path of [link.path, join(link.path, 'inner')]) {
    const through = { ...what, path };
    assert.equal(await homes.observe({ ...through, mode: '0755' }, known), undefined, path);
    assert.throws(() => homes.make(through), { code: 'home-changed' });
    await homes.remove({ ...through, mode: '0755', was: '0777' });
  }
  assert.deepEqual([modeOf(what.path), modeOf(inner.path)], [0o755, 0o755]);
});

test('a folder of the system is refused, whatever a journal says', () => {
  for (const path of ['/', '/etc', '/usr/local', '/home', '/var/lib'])
    for (const act of [homes.make, homes.remove])
      assert.throws(() => act({ kind: 'home', path, mode: '0750', was: '0755' }), RangeError, path);
});
