import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeWantedFleet } from '../../src/model/decode.ts';
import { EGRESS_PRESETS } from '../../src/policy/egress-presets.ts';
import { parsed, refused } from './reading.ts';

const fleet = (egress: string): string => `fleet: x\nagents:\n  a:\n    egress:\n      - ${egress}\n`;
const rules = (egress: string) => parsed(fleet(egress)).agents[0]?.egress;

test('a rule says which requests, and its examples are tried', () => {
  assert.deepEqual(
    rules(
      '{ host: API.test, methods: [GET, POST], paths: [/v1/**], query: { a: b, c: [d, e] }, content-type: Application/JSON, match: ["GET /v1/x?a=b&c=e", "POST /v1/x?a=b&c=d application/json"], not-match: [DELETE /v1/x, "GET /v1/x?a=b"] }',
    ),
    [
      {
        ...{ host: 'api.test', port: 443, methods: ['GET', 'POST'], paths: ['/v1/**'] },
        ...{ query: { a: ['b'], c: ['d', 'e'] }, types: ['application/json'] },
      },
    ],
  );
});

test('every preset is what comes through the warden’s door, and several of them, with a host of theirs, stand together', () => {
  for (const name of Object.keys(EGRESS_PRESETS)) {
    const wanted = parsed(fleet(name));
    assert.deepEqual(decodeWantedFleet(JSON.parse(JSON.stringify(wanted))), wanted, name);
    for (const { from } of wanted.agents[0]?.egress ?? []) assert.equal(from, `preset ${name}`);
  }
  assert.equal(rules('npm\n      - pypi')?.length, 4);
});

test('git is granted by repository', () => {
  const found = rules('{ git: github.com, pull: ["me/*"], push: [me/site.git] }');
  assert.deepEqual(
    found?.map(({ methods, paths, query }) => [methods?.join(), query?.service?.join() ?? '', paths?.[0]]),
    [
      ['GET', 'git-upload-pack', '/me/site.git/info/refs'],
      ['POST', '', '/me/site.git/git-upload-pack'],
      ['GET', 'git-receive-pack', '/me/site.git/info/refs'],
      ['POST', '', '/me/site.git/git-receive-pack'],
    ],
  );
  assert.ok(found?.every(({ from }) => from === 'git pull and push'));
});

test('a time server is granted by its name, for the time alone', () => {
  assert.deepEqual(rules('{ ntp: Time.Apple.COM }'), [{ host: 'time.apple.com', port: 123, protocol: 'ntp' }]);
  const pinned = { host: 'clock.internal', port: 123, address: '127.0.0.1' };
  assert.deepEqual(
    rules(
      '{ ntp: clock.internal, address: 127.0.0.1 }\n      - { host: clock.internal, port: 123, address: 127.0.0.1 }',
    ),
    [{ ...pinned, protocol: 'ntp' }, pinned],
  );
  assert.deepEqual(
    rules('apple-time')?.map(({ host, protocol }) => [host, protocol]),
    [['time.apple.com', 'ntp']],
  );
});

test('tier user has no way to ask for the time, and says so', () => {
  for (const entry of ['apple-time', '{ ntp: clock.test }']) {
    const text = fleet(entry).replace('  a:\n', '  a:\n    tier: user\n');
    assert.match(refused(text), /tier user cannot ask \S+ for the time.*\nTake it out/);
  }
});

test('what is no rule, contradicts its examples, or is granted twice is refused in two lines, at its place', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['antropic', /there is no preset "antropic".*\nDid you mean "anthropic"\?/],
    ['{ ntp: "*.pool.test" }', /is not one server.*\nName each/],
    ['{ ntp: a.test, port: 124 }', /port/],
    ['{ ntp: a.test }\n      - { ntp: a.test, address: 10.0.0.1 }', /"a.test:123" stands twice/],
    ['{ host: a.test, methods: [get] }', /is not a method/],
    ['{ host: a.test, paths: [/a/../b] }', /has a dot part in it/],
    ['{ host: a.test, paths: [] }', /is an empty list/],
    ['{ host: a.test, query: { "a b": c } }', /is no parameter/],
    ['{ host: a.test, content-type: json }', /is no media type/],
    ['{ host: a.test, paths: [/v1/*], match: [GET /v1/a/b] }', /"GET \/v1\/a\/b" is not granted by the rule/],
    ['{ host: a.test, paths: [/v1/**], not-match: [GET /v1/a/b] }', /"GET \/v1\/a\/b" is granted by the rule/],
    ['{ host: a.test, match: [GET /] }', /is no example/],
    ['{ host: a.test, paths: [/x], match: ["/x"] }', /is no example.*\nWrite METHOD PATH/],
    ['{ host: a.test, paths: [/x] }\n      - a.test', /"a.test:443" stands twice/],
    ['{ host: a.test, paths: [/x] }\n      - { host: a.test, address: 10.0.0.1, paths: [/y] }', /stands twice/],
    ['{ host: a.test, paths: [/x] }\n      - { host: a.test, paths: [/x] }', /stands twice/],
    ['anthropic\n      - api.anthropic.com', /stands twice in agents\.a\.egress, once by preset anthropic/],
    ['{ git: github.com }', /no repository is named/],
    ['{ git: github.com, push: [https://github.com/me/x] }', /is not a repository/],
    ['{ git: github.com, push: [../x] }', /is not a repository/],
    ['{ git: github.com, paths: [/x] }', /paths/],
  ];
  for (const [egress, said] of cases) {
    const text = refused(fleet(egress));
    assert.match(text, said, egress);
    assert.match(text, /^fleet\.yaml:\d+:\d+: .*\n[^\n]+$/, egress);
  }
});
