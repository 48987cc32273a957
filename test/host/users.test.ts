import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const skip = process.getuid?.() === 0 ? false : 'adding groups needs root';
const USERS = JSON.stringify(new URL('../../src/host/hands/users.ts', import.meta.url).href);

/** In a mount namespace with an /etc of its own, for this process alone. */
const TEXT = `
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { groups } from ${USERS};
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m,mode=755', 'bulkhead-test', '/mnt']);
mkdirSync('/mnt/etc');
execFileSync('cp', ['-a', ...['passwd', 'group', 'shadow', 'gshadow', 'login.defs', 'nsswitch.conf', 'ld.so.cache'].map((name) => '/etc/' + name), '/mnt/etc']);
if (existsSync('/etc/pam.d')) execFileSync('cp', ['-a', '/etc/pam.d', '/mnt/etc']);
execFileSync('mount', ['--bind', '/mnt/etc', '/etc']);
const group = { kind: 'group', name: 'bh-locked-test', gid: 61123 };
writeFileSync('/etc/group.lock', process.pid + '\\0');
const made = groups.make(group);
const early = await Promise.race([made.then(() => 'made', (error) => String(error)), new Promise((done) => setTimeout(done, 1500, 'waits'))]);
assert.equal(early, 'waits');
assert.doesNotMatch(readFileSync('/etc/group', 'utf8'), /bh-locked-test/);
unlinkSync('/etc/group.lock');
await made;
assert.match(readFileSync('/etc/group', 'utf8'), /^bh-locked-test:x:61123:$/m);
await groups.remove(group);
`;

test('while somebody else changes users of the machine, ours wait for their turn', { skip }, () => {
  const said = spawnSync(
    'unshare',
    [
      ...['--mount', '--propagation', 'private', process.execPath],
      ...['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', TEXT],
    ],
    { encoding: 'utf8', timeout: 120_000 },
  );
  assert.equal(said.status, 0, said.stderr);
});
