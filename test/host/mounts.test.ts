import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const skip = process.getuid?.() === 0 ? false : 'mounting needs root';
const at = (path: string): string => JSON.stringify(new URL(`../../${path}`, import.meta.url).href);

/** Runs a text in a mount namespace of its own: what a test mounts is never the machine's. With it come `base`, a new folder that
 *  is the TMPDIR, and `mounted(path)`. */
function inItsOwn(text: string): void {
  const ground = mkdtempSync(join(tmpdir(), 'bulkhead-mounts-'));
  const said = spawnSync(
    'unshare',
    [
      ...['--mount', '--propagation', 'private', process.execPath],
      ...['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', BEFORE + text, ground],
    ],
    { encoding: 'utf8', timeout: 120_000 },
  );
  rmdirSync(ground); // in our namespace nothing was ever in it
  assert.equal(said.status, 0, said.stderr);
}

const BEFORE = `
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folders } from ${at('src/host/hands/folders.ts')};
import { mustHoldNoMount, removeTree } from ${at('src/host/files/mounts.ts')};
import { nextDoor } from ${at('src/host/arena/next-door.ts')};
const mounted = (path) => {
  mkdirSync(path, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'bulkhead-test', path]);
  writeFileSync(join(path, 'kept'), '');
  return path;
};
const ground = process.argv[1];
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'bulkhead-test', ground]);
const base = join(ground, 'a base');
mkdirSync(base);
process.env.TMPDIR = base;
const refused = { code: 'mount-inside' };
`;

test('a folder in which something is mounted is not removed: what is mounted would be emptied', { skip }, () => {
  inItsOwn(`
const inside = mounted(join(base, 'a/b c'));
for (const path of [base, join(base, 'a'), inside]) {
  assert.throws(() => mustHoldNoMount(path), refused, path);
  assert.throws(() => removeTree(path), refused, path);
}
assert.throws(() => folders.remove({ kind: 'folder', path: base, mode: '0700', uid: 0, gid: 0 }), refused);
assert.deepEqual(readdirSync(inside), ['kept']);
mkdirSync(join(base, 'a/b'));
removeTree(join(base, 'a/b')); // a name that only begins alike
assert.equal(existsSync(join(base, 'a/b')), false);
removeTree(join(base, 'never/was'));
`);
});

test('a mount is found through a link above it; a link to it is removed as a link', { skip }, () => {
  inItsOwn(`
const inside = mounted(join(base, 'real/a/b'));
symlinkSync(join(base, 'real'), join(base, 'link'));
assert.throws(() => removeTree(join(base, 'link/a')), refused);
process.chdir(join(base, 'link'));
assert.throws(() => removeTree('a'), refused, 'and by a relative path');
removeTree(join(base, 'link'));
assert.deepEqual([readdirSync(inside), existsSync(join(base, 'link'))], [['kept'], false]);
`);
});

test("what a control has mounted in the neighbour's folder is not emptied, wherever temporary files are", {
  skip,
}, () => {
  inItsOwn(`
for (const place of ['/var/lib', '/run']) execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'bulkhead-test', place]);
const door = await nextDoor(undefined, 65000, []);
door.fresh();
const inside = mounted(join(door.controlArgs.workspace, 'x'));
assert.throws(() => door.fresh(), refused);
await assert.rejects(door.close(), refused);
assert.deepEqual(readdirSync(inside), ['kept']);
`);
});
