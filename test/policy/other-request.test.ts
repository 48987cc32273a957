import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secretName } from '../../src/model/names.ts';
import type { SecretBinding } from '../../src/model/secret-binding.ts';
import { placeSecrets } from '../../src/policy/credential.ts';
import type { Credential } from '../../src/policy/place.ts';
import { admits } from '../../src/policy/request-rules.ts';
import { passingTrailers } from '../../src/protocol/trailers.ts';

// Fields by which a server takes a request for another one, or for one with another field.

const STAND = 'sk-placeholder-0123456789';
const bound = (change: Partial<SecretBinding>): Credential => ({
  binding: { variable: 'KEY', secret: secretName('api'), host: 'api.test', port: 443, in: ['bearer'], ...change },
  stands: [STAND],
  shown: STAND,
  value: 'sk-realvalue-9876543210abc',
});
const METHODS = ['x-http-method-override', 'x-http-method', 'x-method-override', 'x_http_method_override'];
const TARGETS = ['x-original-url', 'x-rewrite-url', 'x_original-url'];
const placed = (change: Partial<SecretBinding>, more: [string, string][]): string => {
  const headers: [string, string][] = [['authorization', `Bearer ${STAND}`], ...more];
  const result = placeSecrets({ method: 'POST', target: '/v1/x', headers }, [bound(change)], [STAND]);
  return result.kind === 'refused' ? result.why : result.kind;
};

test('a secret that is bound to methods or paths goes out with no field that says another', () => {
  for (const name of METHODS) {
    assert.match(placed({ methods: ['POST'] }, [[name, 'DELETE']]), /may be another/, name);
    assert.match(placed({ paths: ['/v1/**'] }, [[name, 'DELETE']]), /may be another/, name);
  }
  for (const name of TARGETS) assert.match(placed({ paths: ['/v1/**'] }, [[name, '/admin']]), /may be another/, name);
  for (const name of [...METHODS, ...TARGETS]) assert.equal(placed({}, [[name, 'x']]), 'placed', name);
  assert.equal(placed({ methods: ['POST'], paths: ['/v1/**'] }, [['x-other', 'x']]), 'placed');
});

test('with underscores such a field is the same to a rule', () => {
  const request = { method: 'GET', target: '/v1/x', headers: [['x_http_method-override', 'DELETE']] } as const;
  assert.equal(admits({ methods: ['GET'] }, request), false);
  assert.equal(admits({ methods: ['GET'] }, { ...request, headers: [] }), true);
});

test('with underscores a bound field holds no key of somebody else', () => {
  const one = bound({ in: ['header x-api-key'] });
  const result = (headers: [string, string][]): string =>
    placeSecrets({ method: 'GET', target: '/', headers }, [one], [STAND]).kind;
  assert.equal(result([['x_api_key', 'somebody-elses-key']]), 'refused');
  assert.equal(result([['x_api-key', STAND]]), 'refused');
  assert.equal(result([['x-api-key', STAND]]), 'placed');
});

test('none of them is passed on behind the content', () => {
  assert.deepEqual(passingTrailers([...METHODS, ...TARGETS, 'set_cookie', 'x-sum'].map((name) => [name, 'x'])), [
    ['x-sum', 'x'],
  ]);
});
