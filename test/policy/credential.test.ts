import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secretName } from '../../src/model/names.ts';
import type { SecretBinding } from '../../src/model/secret-binding.ts';
import { placeSecrets } from '../../src/policy/credential.ts';
import { type Credential, goesWhere } from '../../src/policy/place.ts';

const STAND = 'sk-placeholder-0123456789';
const OTHER = 'placeholder-of-something-else';
const VALUE = 'sk-realvalue-9876543210abc';
const bound = (change: Partial<SecretBinding> = {}, value: string | undefined = VALUE): Credential => ({
  binding: { variable: 'KEY', secret: secretName('api'), host: 'api.test', port: 443, in: ['bearer'], ...change },
  stands: [STAND],
  shown: STAND,
  ...(value !== undefined && { value }),
});
const place = (headers: [string, string][], credentials: Credential[], target = '/v1/x', method = 'POST') =>
  placeSecrets({ method, target, headers }, credentials, [STAND, OTHER]);
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

test('the value takes the place of the placeholder at the bound place, and the rest stays as it was', () => {
  const result = place(
    [
      ['x-a', '1'],
      ['authorization', `Bearer ${STAND}`],
    ],
    [bound()],
  );
  assert.deepEqual(result, {
    kind: 'placed',
    target: '/v1/x',
    headers: [
      ['x-a', '1'],
      ['authorization', `Bearer ${VALUE}`],
    ],
    used: ['api'],
    forms: [],
  });
  const token = place([['authorization', `token ${STAND}`]], [bound()]);
  assert.ok(token.kind === 'placed' && token.headers[0]?.[1] === `token ${VALUE}`);
  const own = place([['x-api-key', STAND]], [bound({ in: ['header x-api-key', 'bearer'] })]);
  assert.ok(own.kind === 'placed' && own.headers[0]?.[1] === VALUE);
});

test('in Basic authorization it may be the user or the password, and the coded form must not come back either', () => {
  for (const text of [`x:${STAND}`, `${STAND}:x`]) {
    const result = place([['authorization', basic(text)]], [bound({ in: ['basic'] })]);
    assert.ok(result.kind === 'placed');
    const form = Buffer.from(text.replace(STAND, VALUE)).toString('base64');
    assert.deepEqual([result.headers[0]?.[1], result.forms], [`Basic ${form}`, [form]]);
  }
});

test('a placeholder anywhere else is refused as a finding: another field, name, path, query, encoded, in Basic, or another secret’s', () => {
  const elsewhere: [[string, string][], string?][] = [
    [[['x-other', STAND]]],
    [[['x-other', `a${STAND}b`]]],
    [[['cookie', `k=${OTHER}`]]],
    [[[STAND, 'x']]],
    [[], `/v1/${STAND}`],
    [[], `/v1?key=${STAND}`],
    [[], `/v1?key=%73k-placeholder-0123456789`],
    [[['x-auth', basic(`u:${STAND}`)]]],
  ];
  for (const [headers, target] of elsewhere) {
    const result = place(headers, [bound()], target);
    assert.ok(result.kind === 'refused' && result.as === 'misplaced', JSON.stringify([headers, target]));
  }
  const wrongPlace = place([['authorization', basic(`u:${STAND}`)]], [bound()]);
  assert.equal(wrongPlace.kind, 'refused');
  assert.equal(place([['authorization', `Bearer ${STAND}`]], []).kind, 'refused');
});

test('method and path decide too, the path as every server reads it', () => {
  const only = bound({ methods: ['POST'], paths: ['/v1/messages', '/repos/*/issues', '/files/**'] });
  const kind = (target: string, method = 'POST') =>
    place([['authorization', `Bearer ${STAND}`]], [only], target, method).kind;
  for (const target of ['/v1/messages', '/v1/messages?beta=true', '/repos/me/issues', '/files/a/b', '/v1/%6Dessages'])
    assert.equal(kind(target), 'placed', target);
  for (const target of [
    '/v1/other',
    '/v1/messages/x',
    '/repos/a/b/issues',
    '/files/../v1',
    '/files/%2e%2e/v1',
    '/files/a%2Fb',
    '/files//x',
    '/files/\\..\\x',
    '/files/a;b',
    '*',
  ])
    assert.equal(kind(target), 'refused', target);
  assert.equal(kind('/v1/messages', 'GET'), 'refused');
});

test('a credential that is no placeholder is refused at a bound place: nothing is carried out under somebody else’s key', () => {
  for (const value of ['Bearer sk-of-an-attacker-123456', 'Digest x', basic('a:b')]) {
    const result = place([['authorization', value]], [bound()]);
    assert.ok(result.kind === 'refused' && result.as === 'foreign', value);
  }
  assert.equal(place([['authorization', '']], [bound()]).kind, 'placed');
  assert.equal(place([], [bound()]).kind, 'placed');
});

test('twice in one request: one at its place is not a leave for another', () => {
  const result = place(
    [
      ['authorization', `Bearer ${STAND}`],
      ['x-copy', STAND],
    ],
    [bound()],
  );
  assert.ok(result.kind === 'refused' && result.as === 'misplaced');
});

test('a secret that nobody has set is refused by name, and is no finding', () => {
  const { value: _, ...unset } = bound();
  const result = place([['authorization', `Bearer ${STAND}`]], [unset]);
  assert.deepEqual(result, { kind: 'refused', as: 'unset', why: 'the secret api is not set', secret: 'api' });
});

test('a placeholder of this agent is never called a credential that is none, wherever it stands', () => {
  const tries: [string, Partial<SecretBinding>][] = [
    [`Bearer ${OTHER}`, {}],
    [`Basic ${STAND}`, {}],
    [basic(`me:${STAND}`), {}],
    [`Bearer ${STAND}`, { in: ['basic'] }],
  ];
  for (const [value, change] of tries) {
    const result = place([['authorization', value]], [bound(change)]);
    assert.ok(result.kind === 'refused' && result.as === 'misplaced', value);
    assert.equal(result.why, 'a placeholder stands where its secret is not bound to');
  }
});

test('who is refused is told where the secrets of that destination go', () => {
  const second = bound({ variable: 'HOOK', in: ['header x-hook', 'query key'], methods: ['GET'], paths: ['/v1/**'] });
  assert.equal(
    goesWhere([bound(), second]),
    'here goes $KEY in bearer; $HOOK in header x-hook or query key (GET /v1/**)',
  );
  assert.equal(goesWhere([]), undefined);
  assert.equal(
    goesWhere([bound({ lent: { stand: 'a', value: 'b', refresh: 'c' } })]),
    undefined,
    'what a drill lends is in no variable',
  );
});
