import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { secretName } from '../../src/model/names.ts';
import { isSecretPlace, type SecretBinding } from '../../src/model/secret-binding.ts';
import { placeSecrets } from '../../src/policy/credential.ts';
import { jsonStrings } from '../../src/policy/json-strings.ts';
import type { Credential } from '../../src/policy/place.ts';

const STAND = 'stand0123456789ABCDEF';
const OTHER = 'other0123456789ABCDEF';
const VALUE = 'real/value?0123&56789';
const bound = (place: string, change: Partial<SecretBinding> = {}): Credential => ({
  binding: { variable: 'KEY', secret: secretName('api'), host: 'api.test', port: 443, in: [place], ...change },
  stands: [STAND],
  shown: STAND,
  value: VALUE,
});
const place = (target: string, credentials: Credential[], body?: string, method = 'POST') =>
  placeSecrets({ method, target, headers: [], ...(body !== undefined && { body: Buffer.from(body) }) }, credentials, [
    STAND,
    OTHER,
  ]);
/** The target or body that goes out, or why not. */
const sent = (target: string, credential: Credential, body?: string): string => {
  const result = place(target, [credential], body);
  if (result.kind === 'refused') return result.as;
  return body === undefined ? result.target : String(result.body);
};

test('places are said in words, and names in them keep their case', () => {
  for (const good of [
    'query key',
    'query X-Amz.Key~1',
    'json auth.apiKey',
    'json a',
    'path',
    'path bot',
    'bearer',
    'header x-key',
  ])
    assert.ok(isSecretPlace(good), good);
  for (const bad of [
    'query',
    'query a&b',
    'query a=b',
    'json',
    'json a..b',
    'json .a',
    'json $.a',
    'path /x',
    'path bot1',
    'body',
    'Query a',
  ])
    assert.ok(!isSecretPlace(bad), bad);
});

test('a query parameter that is a placeholder, decoded once, becomes the value, encoded; the rest of the target stays as it was', () => {
  const key = bound('query key');
  assert.equal(sent(`/v1?a=%20+&key=${STAND}&b`, key), '/v1?a=%20+&key=real%2Fvalue%3F0123%2656789&b');
  assert.equal(sent(`/v1?k%65y=%73tand0123456789ABCDEF`, key), '/v1?k%65y=real%2Fvalue%3F0123%2656789');
  assert.equal(sent('/v1?key=&other=1', key), '/v1?key=&other=1');
  assert.equal(sent('/v1', key), '/v1');
  const result = place(`/v1?key=${STAND}`, [key]);
  assert.ok(
    result.kind === 'placed' && result.forms.includes('real%2Fvalue%3F0123%2656789'),
    'scrubbed in this form too',
  );
});

test('another parameter, a part of one, one encoded twice, a second key and a fragment are refused', () => {
  const key = bound('query key');
  for (const [target, as] of [
    [`/v1?other=${STAND}`, 'misplaced'],
    [`/v1?key=x${STAND}`, 'foreign'],
    [`/v1?key=%2573tand0123456789ABCDEF`, 'foreign'],
    [`/v1?key=${STAND}&key=of-an-attacker`, 'foreign'],
    [`/v1?key=${STAND};key=of-an-attacker`, 'foreign'],
    ['/v1?a=1;key=of-an-attacker', 'foreign'],
    [`/v1?k%65y=of-an-attacker`, 'foreign'],
    [`/v1?key=${OTHER}`, 'foreign'],
    [`/v1?x=?key=${STAND}`, 'misplaced'],
    [`/v1#?key=${STAND}`, 'malformed'],
    [`/v1/${STAND}?key=${STAND}`, 'misplaced'],
  ] as const)
    assert.equal(sent(target, key), as, target);
});

test('a segment of the path, or one behind a word, becomes the value; what stands there and is none is refused', () => {
  const bot = bound('path bot', { paths: ['/bot*/sendMessage', '/file/bot*/**'] });
  assert.equal(sent(`/bot${STAND}/sendMessage`, bot), '/botreal/value%3F0123&56789/sendMessage');
  assert.equal(sent(`/file/bot${STAND}/a/b`, bot), '/file/botreal/value%3F0123&56789/a/b');
  assert.equal(sent('/other', bot), '/other');
  for (const [target, as] of [
    [`/bot${STAND}/deleteWebhook`, 'misplaced'],
    [`/bot123:of-an-attacker/sendMessage`, 'foreign'],
    [`/%62ot123:of-an-attacker/sendMessage`, 'foreign'],
    [`/x${STAND}/sendMessage`, 'misplaced'],
    [`/bot${STAND}x/sendMessage`, 'foreign'],
    [`/bot${STAND}/../x`, 'misplaced'],
  ] as const)
    assert.equal(sent(target, bot), as, target);
  const hook = bound('path', { paths: ['/services/**'] });
  assert.equal(sent(`/services/${STAND}`, hook), '/services/real/value%3F0123&56789');
  assert.equal(sent('/services/T0/B0/of-an-attacker', hook), 'foreign');
  assert.equal(sent('/elsewhere', hook), '/elsewhere');
});

test('a field of JSON that is a placeholder becomes the value, and not a byte more of the text changes', () => {
  const key = bound('json auth.key');
  const body = `{ "n": 12345678901234567890, "auth": {"user":"me", "key" : "${STAND}"}, "é": [1.0, {"key": "x"}] }`;
  assert.equal(sent('/', key, body), body.replace(STAND, VALUE));
  assert.equal(
    sent('/', key, `{"auth":{"k\\u0065y":"\\u0073tand0123456789ABCDEF"}}`),
    `{"auth":{"k\\u0065y":"${VALUE}"}}`,
  );
  assert.equal(sent('/', key, `{"auth":[{"key":"${STAND}"}]}`), `{"auth":[{"key":"${VALUE}"}]}`);
  assert.equal(sent('/', key, '{"auth":{"key":""}}'), '{"auth":{"key":""}}');
  assert.equal(sent('/', key, '"text"'), '"text"');
});

test('elsewhere in JSON, in any spelling, it is refused; so are two of a name, another’s key, and what is no JSON', () => {
  const key = bound('json auth.key');
  for (const [body, as] of [
    [`{"other":"${STAND}"}`, 'misplaced'],
    [`{"auth":{"key":"${STAND}"},"copy":"a ${STAND} b"}`, 'misplaced'],
    [`{"copy":"\\u0073tand0123456789ABCDEF"}`, 'misplaced'],
    [`{"${STAND}":1}`, 'misplaced'],
    [`{"auth":"${STAND}"}`, 'misplaced'],
    [`{"auth.key":"x","${OTHER}":2}`, 'misplaced'],
    [`{"auth.key":"${STAND}"}`, 'misplaced'],
    [`{"auth":{"key":"of-an-attacker"}}`, 'foreign'],
    [`{"auth":{"key":"${STAND}","key":"of-an-attacker"}}`, 'malformed'],
    [`{"auth":{"key":"${STAND}","k\\u0065y":"of-an-attacker"}}`, 'malformed'],
    [`{"auth":{"key":"${STAND}"}}garbage`, 'malformed'],
    ['', 'malformed'],
  ] as const)
    assert.equal(sent('/', key, body), as, body);
  const result = placeSecrets(
    { method: 'POST', target: '/', headers: [], body: Buffer.from([0x22, 0xff, 0x22]) },
    [key],
    [],
  );
  assert.equal(result.kind === 'refused' && result.as, 'malformed');
});

test('a name with a dot in it, or of nothing, is not the field within a field', () => {
  const paths = (text: string): unknown[] => {
    const strings = jsonStrings(text);
    return typeof strings === 'string' ? [strings] : strings.flatMap(({ path }) => path ?? []);
  };
  assert.deepEqual(paths('{"a":{"b":"x"}}'), ['a.b']);
  for (const text of ['{"a.b":"x"}', '{"a":{"":{"b":"x"}}}', '{"":{"a.b":"x"}}', '{"a\\u002eb":"x"}'])
    assert.ok(!paths(text).includes('a.b'), text);
  assert.ok(!paths('{"":{"key":"x"}}').includes('key'));
});

test('every string of any JSON text is found, where and what it is', () => {
  const options = { seed: 5, numRuns: 2000 };
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(undefined, 1, '\t'), (compact, indent) => {
      const value: unknown = JSON.parse(compact);
      const text = JSON.stringify(value, undefined, indent);
      const strings = jsonStrings(text);
      assert.ok(typeof strings !== 'string', String(strings));
      for (const { value, from, to } of strings) assert.equal(JSON.parse(text.slice(from, to)), value);
      assert.deepEqual(strings.map((one) => one.value).sort(), stringsOf(value).sort());
    }),
    options,
  );
});

function stringsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(stringsOf);
  return Object.entries(value).flatMap(([name, one]) => [name, ...stringsOf(one)]);
}
