import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type TriedEntry, tried } from '../../src/policy/tried.ts';

let index = 0;
const entry = (event: string, more: object): TriedEntry => ({
  ...{ index: index++, time: `2026-11-21T00:00:${String(index).padStart(2, '0')}.000Z`, event, agent: 'coder' },
  ...more,
});
const denied = (host: string, port: number, why = `no rule grants ${host}`, more = {}): TriedEntry =>
  entry('egress.denied', { host, port, via: 'direct', why, ...more });

test('what was tried is counted by what it was, most often first, with the line that would allow it', () => {
  const found = tried('coder', [
    denied('a.test', 443),
    denied('b.test', 8443, 'waiting for approval 3'),
    denied('b.test', 8443, 'a person refused it (question 3)', { count: 4 }),
    denied('d.test', 123, 'no rule grants d.test', { via: 'ntp' }),
    entry('dns.refused', { name: 'c.test', type: 1, why: 'no rule grants c.test' }),
    entry('exec.denied', {
      path: '/usr/bin/nmap',
      argv: ['nmap', '-sS', 'x y'],
      rule: 'nmap is not among the programs that it may start',
    }),
    entry('exec.denied', { path: '/usr/bin/git', argv: ['git', 'push', '-f'], rule: 'exec.deny-argv: git push -f **' }),
  ]);
  assert.deepEqual(
    found.map(({ what, count, allow }) => [what, count, allow]),
    [
      ['b.test:8443', 5, 'agents.coder.egress: [{ host: b.test, port: 8443 }]'],
      ['a.test:443', 1, 'agents.coder.egress: [a.test]'],
      ['c.test', 1, 'agents.coder.egress: [c.test]'],
      ['d.test:123 (time)', 1, 'agents.coder.egress: [{ ntp: d.test }]'],
      ['git push -f', 1, null],
      ["nmap -sS 'x y'", 1, 'agents.coder.exec.allow: [nmap]'],
    ],
  );
});

test('what our own drills and tests tried is not what the agent tried', () => {
  const entries = [
    denied('before.test', 443),
    entry('drill.begin', { drill: true }),
    denied('attack.test', 443),
    entry('dns.refused', { name: 'attack.test', why: 'no rule grants attack.test' }),
    entry('drill.end', { drill: true }),
    denied('after.test', 443),
    denied('revoked.test', 443, 'approval 3 was revoked', { test: true }),
  ];
  const names = tried('coder', [...entries].reverse()).map(({ what }) => what);
  assert.deepEqual(names, ['after.test:443', 'before.test:443']);
});

test('what no line would allow has none, and another agent is another agent', () => {
  const found = tried('coder', [
    denied('x.test', 443, 'x.test resolves to 10.0.0.1, which is private'),
    { ...denied('other.test', 443), agent: 'other' },
  ]);
  assert.deepEqual(
    found.map(({ what, allow }) => [what, allow]),
    [['x.test:443', null]],
  );
});

test('a budget, a secret or a price that is missing is mended there, not by another way to the same host', () => {
  const budget = (what: string) => `its budget of ${what} for 2026-11-21 is used up (1); waiting for approval 1`;
  const found = tried('coder', [
    denied('a.test', 443, budget('150 tokens')),
    denied('b.test', 443, budget('$1.00')),
    denied('c.test', 443, budget('1 GiB')),
    denied('d.test', 443, 'the secret hook is not set'),
    denied('e.test', 443, 'the price of the model gpt-9 is not known, so its budget in money cannot be kept'),
    denied(
      'e2.test',
      443,
      'the same request came more than 20 times in 120 s, which looks like a loop; it is refused until x',
    ),
    denied('f.test', 443, 'the request does not name its model, so its budget in money cannot be kept'),
  ]);
  assert.deepEqual(
    found.map(({ allow }) => allow),
    [
      'agents.coder.budget: { tokens: MORE/day }',
      'agents.coder.budget: { money: $MORE/day }',
      'agents.coder.budget: { bytes: MORE/day }',
      'bulkhead secrets set hook',
      'prices: { "gpt-9": { input: ..., output: ... } }',
      'agents.coder.budget: { repeats: MORE/2m }',
      null,
    ],
  );
});
