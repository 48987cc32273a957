import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const skip = process.getuid?.() === 0 ? false : 'adding groups needs root';
const USERS = JSON.stringify(new URL('../../src/host/hands/users.ts', import.meta.url).href);

/** In a mount namespace with an /etc of its own, for this process alone. */
const OWN_ETC = `
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { groups, users } from ${USERS};
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m,mode=755', 'bulkhead-test', '/mnt']);
mkdirSync('/mnt/etc');
execFileSync('cp', ['-a', ...['passwd', 'group', 'shadow', 'gshadow', 'login.defs', 'nsswitch.conf', 'ld.so.cache'].map((name) => '/etc/' + name), '/mnt/etc']);
if (existsSync('/etc/pam.d')) execFileSync('cp', ['-a', '/etc/pam.d', '/mnt/etc']);
execFileSync('mount', ['--bind', '/mnt/etc', '/etc']);
`;

const WAITING = `
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

/** A name of somebody else's: an agent's can be changed, a program's cannot. */
const TAKEN = `
appendFileSync('/etc/group', 'bulkhead-ledger-x:x:61124:\\nbh-fleet-agent:x:61125:\\n');
const hint = (act) => { try { act() } catch (error) { assert.equal(error.code, 'taken'); return error.hint } };
const seen = { wanted: true, made: false };
const group = (name, gid) => ({ kind: 'group', name, gid });
assert.match(hint(() => groups.observe(group('bulkhead-ledger-x', 1), seen)), /getent group bulkhead-ledger-x; where nobody needs it, groupdel bulkhead-ledger-x/);
assert.match(hint(() => groups.observe(group('bh-fleet-agent', 1), seen)), /^Rename the fleet or the agent/);
const user = { ...group('bulkhead-gateway-x', 0), kind: 'user', uid: 0 };
await assert.rejects(users.make(user), { code: 'taken', hint: /^Run the command again/ });
await assert.rejects(users.make({ ...user, name: 'bh-fleet-agent' }), { code: 'taken', hint: /Run the command again: an agent of which nothing is stored/ });
`;

function inOwnEtc(text: string): void {
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', '--input-type=module', '-e', OWN_ETC + text];
  const said = spawnSync('unshare', ['--mount', '--propagation', 'private', ...node], {
    encoding: 'utf8',
    timeout: 120_000,
  });
  assert.equal(said.status, 0, said.stderr);
}

test('while somebody else changes users of the machine, ours wait for their turn', { skip }, () => inOwnEtc(WAITING));

test(
  'a name or number that is taken is told with what helps',
  {
    skip,
  },
  () => inOwnEtc(TAKEN),
);
