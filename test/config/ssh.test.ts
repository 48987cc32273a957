import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeWantedFleet } from '../../src/model/decode.ts';
import { parsed, refused } from './reading.ts';

const fleet = (lines: string): string => `fleet: x\nagents:\n  a:\n    ${lines.replaceAll('\n', '\n    ')}\n`;
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';

test('a destination needs a host and its key; the rest has a default', () => {
  const wanted = parsed(
    fleet(`egress: ["Git.test:22"]\nssh: [{ host: Git.test, host-key: "${KEY} somebody@somewhere" }]`),
  );
  assert.deepEqual(wanted.agents[0]?.ssh, [{ host: 'git.test', port: 22, user: 'git', hostKeys: [KEY] }]);
});

test('the keys of github.com are known; one that is given is taken instead', () => {
  const keys = (more: string) =>
    parsed(fleet(`egress: ["github.com:22"]\nssh: [{ host: github.com${more} }]`)).agents[0]?.ssh?.[0]?.hostKeys;
  assert.equal(keys('')?.length, 2);
  assert.deepEqual(keys(`, host-key: ["${KEY}", "${KEY} x"]`), [KEY]);
});

test('the program that uses the key is allowed with it, unless the file says something about it', () => {
  const exec = (more: string) =>
    parsed(fleet(`egress: ["github.com:22"]\nssh: [{ host: github.com }]${more}`)).agents[0]?.exec;
  assert.deepEqual(exec('')?.allow, ['ssh']);
  assert.deepEqual(exec('\nexec: { allow: [jq] }')?.allow, ['jq', 'ssh']);
  assert.deepEqual(exec('\nexec: { deny: [ssh] }')?.allow, []);
  assert.deepEqual(parsed(fleet('egress: ["github.com:22"]')).agents[0]?.exec.allow, []);
});

test('what is bound comes through the warden’s door as it was, and not with anything else', () => {
  const wanted = parsed(
    fleet(
      `egress: ["b.test:2222", "github.com:22"]\nssh: [{ host: b.test, port: 2222, user: me, host-key: "${KEY}" }, { host: github.com }]`,
    ),
  );
  const sent = JSON.parse(JSON.stringify(wanted));
  assert.deepEqual(decodeWantedFleet(sent), wanted);
  const at = sent.agents[0].ssh[0];
  const bad: readonly object[] = [
    { host: '*.test' },
    { port: 0 },
    { user: '-o' },
    { user: 'a b' },
    { hostKeys: [] },
    { hostKeys: ['x'] },
    { hostKeys: [`${KEY}\nother ${KEY}`] },
    { more: 1 },
  ];
  for (const change of bad) {
    sent.agents[0].ssh[0] = { ...at, ...change };
    assert.throws(() => decodeWantedFleet(sent), { code: 'bad-fleet' }, JSON.stringify(change));
  }
  sent.agents[0].ssh = [at, at];
  assert.throws(() => decodeWantedFleet(sent), { code: 'bad-fleet' });
});

test('what would not be where it seems is refused in two lines, at its place', () => {
  const one = (entry: string, egress = '["b.test:22"]', more = ''): string =>
    `egress: ${egress}\nssh: [{ ${entry} }]${more}`;
  const good = `host: b.test, host-key: "${KEY}"`;
  const cases: readonly (readonly [string, RegExp])[] = [
    [one('host: b.test'), /the host key of b\.test is not known.*\nAdd host-key: "ssh-ed25519 AAAA/],
    [one(good, '[b.test]'), /the key is for b\.test:22, which egress does not grant.*\nAdd it to agents\.a\.egress/],
    [one(`${good}, port: 23`), /b\.test:23, which egress does not grant/],
    [one(`host: "*.b.test", host-key: "${KEY}"`, '["*.b.test:22"]'), /is not one host/],
    [one('host: b.test, host-key: "ssh-ed25519 AAAA"'), /is not a host key.*\nWrite it as in known_hosts/],
    [one(`host: b.test, host-key: "ssh-rsa ${KEY.slice(12)}"`), /is not a host key/],
    [one(`host: b.test, host-key: "b.test ${KEY}"`), /is not a host key/],
    [one(`${good}, user: "-oProxyCommand=x"`), /is not a user to log in as/],
    [one(good, '["b.test:22"]', '\nenv: { SSH_AUTH_SOCK: /tmp/x }'), /SSH_AUTH_SOCK is set by Bulkhead/],
    [`egress: ["b.test:22"]\nssh: [{ ${good} }, { ${good} }]`, /git@b\.test stands twice in agents\.a\.ssh/],
    ['ssh: []', /empty list/],
    [one(`${good}, key: x`), /unknown key "key"/],
    [one('host: ssh://b.test'), /is not a host/],
  ];
  for (const [lines, expected] of cases) {
    const said = refused(fleet(lines));
    assert.match(said, expected);
    assert.equal(said.split('\n').length, 2, said);
    assert.match(said, /^fleet\.yaml:\d+:\d+: /);
  }
});
