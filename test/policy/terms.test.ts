import assert from 'node:assert/strict';
import { test } from 'node:test';
import { termsChanged } from '../../src/policy/terms.ts';
import { parsed } from '../config/reading.ts';

const FLEET = `fleet: home
operators: { owner: { user: you } }
agents:
  a:
    egress: [anthropic, { host: api.test, port: 8443 }]
    secrets:
      ANTHROPIC_API_KEY: key
      TOKEN: { secret: other, to: "api.test:8443", methods: [GET], rotate: { every: 90d, command: [mint], test: "GET https://api.test:8443/me" } }
    budget: { tokens: 1M/day, ask: true }
  b: {}
`;
const before = parsed(FLEET);

function changed(...edits: readonly (readonly [from: string, to: string])[]): string[] {
  let text = FLEET;
  for (const [from, to] of edits) {
    assert.ok(text.includes(from), from);
    text = text.replace(from, to);
  }
  return termsChanged(before, parsed(text));
}

test('a file that says the same has no changed terms, wherever it is', () => {
  assert.deepEqual(changed(), []);
  assert.deepEqual(termsChanged({ ...before, source: '/elsewhere/fleet.yaml' }, before), []);
});

test('what is granted anew, or otherwise, is a line that says it', () => {
  assert.deepEqual(changed(['port: 8443 }]', 'port: 8443 }, other.test]']), ['+ a may reach other.test:443']);
  assert.deepEqual(changed(['methods: [GET]', 'methods: [GET, POST]']), [
    '- a has the secret other at api.test:8443 (GET): $TOKEN, in bearer',
    '+ a has the secret other at api.test:8443 (GET POST): $TOKEN, in bearer',
  ]);
  assert.deepEqual(changed(['test: "GET https://api.test:8443/me"', 'test: "GET https://api.test:8443/you"']), [
    '- other is tried with GET https://api.test:8443/me, in bearer',
    '+ other is tried with GET https://api.test:8443/you, in bearer',
  ]);
  assert.deepEqual(changed(['command: [mint]', 'command: [mint, --all]']), [
    '- other gets new values from mint',
    '+ other gets new values from mint --all',
  ]);
  assert.deepEqual(changed(['1M/day', '2M/day']), [
    '- a may use up 1M tokens a day, and ask for more',
    '+ a may use up 2M tokens a day, and ask for more',
  ]);
  assert.deepEqual(changed(['user: you', 'user: me']), ['- you is an operator (owner)', '+ me is an operator (owner)']);
});

test('whatever else differs is never told as nothing', () => {
  assert.deepEqual(changed(['  b: {}', '  b: { ask: { deadline: 2h } }']), ['~ what fleet.yaml says otherwise']);
});

test('before the first up all that is granted is new', () => {
  const lines = termsChanged(undefined, before);
  assert.ok(lines.every((line) => line.startsWith('+ ')));
  assert.ok(lines.some((line) => /^\+ a may reach api\.anthropic\.com:443 \(only .*; preset anthropic\)$/.test(line)));
});
