import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AgentName, agentName, secretName } from '../../src/model/names.ts';
import { whyBroad } from '../../src/policy/broad-secrets.ts';
import { holdsCredential } from '../../src/policy/own-credentials.ts';
import { rotationDue } from '../../src/policy/rotation.ts';
import { type KeptSecret, ownPlaces, secretFindings } from '../../src/policy/secret-findings.ts';

const DAY = 86_400_000;
const NOW = Date.parse('2026-06-01T00:00:00Z');
const kept = (name: string, more: Partial<KeptSecret> = {}): KeptSecret => ({
  name,
  since: new Date(NOW - DAY).toISOString(),
  ...more,
});
const agent = (name: string, secret: string, upkeep: object = {}) => ({
  name: agentName(name) as AgentName,
  secrets: [{ variable: 'KEY', secret: secretName(secret), host: 'a.example', port: 443, in: ['bearer'] }],
  ...(Object.keys(upkeep).length > 0 && { upkeep: [{ secret: secretName(secret), ...upkeep }] }),
});
const ids = (...args: Parameters<typeof secretFindings>): string[] =>
  secretFindings(...args).map(({ id, secret }) => `${id} ${secret}`);

test('one secret of two agents is a finding until both say that it is meant so', () => {
  assert.deepEqual(ids([kept('m')], [agent('a', 'm'), agent('b', 'm')], NOW), ['secret-shared m']);
  assert.deepEqual(ids([kept('m')], [agent('a', 'm', { shared: true }), agent('b', 'm')], NOW), ['secret-shared m']);
  const both = [agent('a', 'm', { shared: true }), agent('b', 'm', { shared: true })];
  assert.deepEqual(ids([kept('m')], both, NOW), []);
  assert.deepEqual(ids([kept('m')], [agent('a', 'm')], NOW), []);
});

test('one value under two names is the same, and is said once', () => {
  const two = [kept('m', { same: ['n'] }), kept('n', { same: ['m'] })];
  const found = secretFindings(two, [agent('a', 'm'), agent('b', 'n')], NOW);
  assert.equal(found.length, 1);
  assert.match(found[0]?.text ?? '', /^a and b have the same value \(as m and n\)/);
  assert.deepEqual(ids(two, [agent('a', 'm'), agent('a', 'n')].slice(0, 1), NOW), []);
});

test('a value that is too old is overdue, and due for a while before', () => {
  const at = (days: number) => [kept('m', { since: new Date(NOW - days * DAY).toISOString() })];
  const agents = [agent('a', 'm', { every: 90 * DAY })];
  assert.deepEqual(ids(at(80), agents, NOW), []);
  assert.deepEqual(ids(at(82), agents, NOW), ['secret-due m']);
  assert.deepEqual(ids(at(91), agents, NOW), ['secret-overdue m']);
  assert.deepEqual(
    [0, 89, 90, 99, 100].map((age) => rotationDue(0, 100, age)),
    ['no', 'no', 'due', 'due', 'overdue'],
  );
  assert.equal(rotationDue(0, 1000 * DAY, 950 * DAY), 'no', 'at most two weeks before');
});

test('a person’s own, a broad one, and one whose old value may live are each said', () => {
  const odd = kept('m', { own: ['netrc', 'environment'], broad: 'it is broad', before: true });
  assert.deepEqual(ids([odd], [], NOW), ['secret-own m', 'secret-broad m', 'secret-old-valid m']);
  assert.deepEqual(ownPlaces(['gh', 'constructor', 7, 'gh']), ['gh']);
  assert.deepEqual(ownPlaces('gh'), []);
});

test('only documented shapes are called broad', () => {
  for (const value of [
    'ghp_x',
    'gho_x',
    'sk-ant-admin01-x',
    'sk-admin-x',
    'sk_live_x',
    'xoxp-1',
    'glpat-x',
    'AKIAIOSFODNN7EXAMPLE',
  ])
    assert.ok(whyBroad(value), value);
  for (const value of [
    'github_pat_x',
    'ghs_x',
    'sk-ant-api03-x',
    'sk-proj-x',
    'rk_live_x',
    'xoxb-1',
    'ASIAIOSFODNN7EXAMPLE',
    'x-ghp_',
  ])
    assert.equal(whyBroad(value), undefined, value);
});

test('a person’s files hold a value as a whole word, also percent-encoded and as the password of auth', () => {
  const value = 'tok/en+1234';
  for (const text of [
    `machine a login b password ${value}\n`,
    `//registry/:_authToken=${value}`,
    `https://me:${encodeURIComponent(value)}@git.example`,
    JSON.stringify({ auths: { 'r.example': { auth: Buffer.from(`me:${value}`).toString('base64') } } }),
    `oauth_token: ${value}`,
  ])
    assert.ok(holdsCredential(text, value), text);
  for (const text of ['', `x${value}`, `${value}5`, `${value}-more`, '"auth": "not base64!"'])
    assert.equal(holdsCredential(text, value), false, text);
});
