import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { shownAccount } from '../../src/policy/codex-sign-in.ts';
import { claimsOf, endOf } from '../../src/policy/jwt.ts';
import { placeholder, whyNoSecret } from '../../src/policy/placeholder.ts';
import { readSignIn, refreshed, shapeOfSignIn, signInOf } from '../../src/policy/sign-in.ts';
import { FUZZ } from '../protocol/seed.ts';

const coded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwt = (claims: unknown): string => `${coded({ alg: 'RS256' })}.${coded(claims)}.${'sIg0'.repeat(10)}`;
const AUTH = 'https://api.openai.com/auth';
const END = 1_900_000_000;
const auth = { chatgpt_account_id: 'acc-1', chatgpt_plan_type: 'plus', chatgpt_user_id: 'user-9' };
const access = jwt({ exp: END, sub: 'someone', email: 'me@mail.test', [AUTH]: auth });
const tokens = { id_token: access, access_token: access, refresh_token: 'rt_0123456789', account_id: 'acc-1' };
const file = (more: object = {}, outer: object = {}): string =>
  JSON.stringify({
    OPENAI_API_KEY: null,
    tokens: { ...tokens, ...more },
    last_refresh: '2026-01-01T00:00:00Z',
    ...outer,
  });

test('what Codex keeps is a sign-in: its tokens, when they end, whose it is', () => {
  const signIn = readSignIn('codex', file());
  const account = { id: 'acc-1', plan: 'plus' };
  assert.deepEqual(signIn, { harness: 'codex', access, refresh: 'rt_0123456789', until: END * 1000, account });
  assert.deepEqual(signInOf(JSON.stringify(signIn)), signIn);
});

test('a token that says no end counts for eight days from its refresh, and the claims say whose it is where the file does not', () => {
  const opaque = readSignIn('codex', file({ access_token: 'at-0123456789', account_id: null }));
  assert.equal(opaque?.until, Date.parse('2026-01-09T00:00:00Z'));
  assert.equal(opaque?.account?.id, 'acc-1');
});

test('a key, a file without tokens, a token without an account, and what is no JSON are no sign-in of Codex', () => {
  for (const text of [
    '',
    'null',
    '[]',
    '{"OPENAI_API_KEY":"sk-0123456789"}',
    file({ refresh_token: '' }),
    file({ access_token: 7 }),
    file({ id_token: 'x', access_token: jwt({ exp: END }), account_id: null }),
    file({ account_id: 'no account' }),
    file({ access_token: 'at-0123456789' }, { last_refresh: 'never' }),
  ])
    assert.equal(readSignIn('codex', text), undefined, text);
});

test('the placeholder is read as a token is, says whose it is, does not end, and holds nothing that names a person', () => {
  const signIn = readSignIn('codex', file());
  const shape = signIn && shapeOfSignIn(signIn);
  assert.ok(shape);
  const stand = placeholder(Buffer.alloc(32, 7), ['coder', 'CODEX_SIGN_IN', 'codex'], shape);
  assert.equal(shownAccount(stand), 'acc-1');
  assert.deepEqual(claimsOf(stand), {
    exp: 4_102_444_800,
    [AUTH]: { chatgpt_account_id: 'acc-1', chatgpt_plan_type: 'plus' },
  });
  assert.equal(whyNoSecret(stand), undefined);
  // Decoders that are strict about what is left over of a last byte take the signature too.
  assert.equal(stand.split('.')[2], Buffer.from(stand.split('.')[2] ?? '', 'base64url').toString('base64url'));
  assert.ok(!stand.includes(access.split('.')[2] ?? ''));
});

test('a refresh keeps whose it is, and goes by the end that the new token says', () => {
  const before = readSignIn('codex', file());
  assert.ok(before);
  const answer = JSON.stringify({ access_token: jwt({ exp: END + 60 }), expires_in: 5 });
  const after = refreshed(before, answer, 0);
  assert.deepEqual([after?.until, after?.refresh, after?.account], [(END + 60) * 1000, before.refresh, before.account]);
});

test('whatever a file or a token says, reading it throws nothing', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.jsonValue().map((v) => file({}, { tokens: v })),
        fc.jsonValue().map(jwt),
      ),
      (text) => {
        const signIn = readSignIn('codex', text);
        claimsOf(text);
        endOf(text);
        shownAccount(text);
        if (signIn) assert.deepEqual(signInOf(JSON.stringify(signIn)), signIn);
      },
    ),
    FUZZ,
  );
});
