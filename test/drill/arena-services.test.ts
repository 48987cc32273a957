import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lentRules, RULED_HOST } from '../../src/drill/lent.ts';
import { heard, type Target } from '../../src/host/arena/answers.ts';
import { swapped } from '../../src/host/arena/keys.ts';
import { isGranted, plain } from '../../src/host/arena/lenient.ts';
import { KEYED_HOST, lentBinding, lentKey } from '../../src/model/lent-key.ts';
import { judgeEgress } from '../../src/policy/egress.ts';
import { whyNotRequest } from '../../src/policy/request-rules.ts';
import { lease } from '../../src/programs/warden/body.ts';

const SEED = 20261121;
const value = `drill-value-${'ab'.repeat(16)}`;
const refresh = `drill-value-${'ef'.repeat(16)}`;
const stand = `drill-stand-${'cd'.repeat(16)}`;
const common = { token: 'TOKEN', allowToken: 'WELCOME', redirect: '', value, refresh };
const ruled: Target = { ...common, names: [RULED_HOST], is: 'ruled' };
const keyed: Target = { ...common, names: [KEYED_HOST], is: 'keyed' };
const ask = (target: Target, text: string): string =>
  heard(Buffer.from(text, 'latin1'), target).reply.toString('latin1');

test(`whatever the rules of a drill grant, its lenient server takes for granted too (seed ${SEED})`, () => {
  const rules = lentRules({ host: RULED_HOST, port: 80, address: '127.0.0.1' });
  const to = { host: RULED_HOST, port: 80, literal: false };
  assert.equal(judgeEgress(rules, to).kind, 'allow');
  const parts = [
    '/v1/',
    '/find',
    '/me/site',
    '/me/other.git',
    '/info/refs',
    '/git-receive-pack',
    '..',
    '%2e',
    '%2f',
    '/',
    ';',
    '?',
    'kind=',
    'open',
    '&',
    'service=git-upload-pack',
    'x',
  ];
  const target = fc
    .array(fc.constantFrom(...parts), { maxLength: 8 })
    .map((some) => `/${some.join('')}`.replace(/^\/+/, '/'));
  const field = fc.constantFrom(
    'content-type: application/json',
    'content-type: text/plain',
    'content-type: application/x-git-receive-pack-request',
    'x-original-url: /admin',
    'x-http-method-override: DELETE',
    'content-length: 2',
  );
  let granted = 0;
  fc.assert(
    fc.property(
      fc.constantFrom('GET', 'POST', 'DELETE'),
      target,
      fc.array(field, { maxLength: 2 }),
      (method, path, fields) => {
        const headers = fields.map((one) => one.split(': ') as [string, string]);
        if (whyNotRequest(rules, to, { method, target: path, headers }) !== undefined) return;
        granted += 1;
        assert.ok(
          isGranted({ path, head: [`${method} ${path} HTTP/1.1`, ...fields].join('\r\n') }),
          `${method} ${path} ${fields}`,
        );
      },
    ),
    { seed: SEED, numRuns: 5000 },
  );
  assert.ok(granted > 20, `only ${granted} were granted: the test says little`);
});

test('it sees through dots, slashes, percent signs, parameters and what follows a NUL', () => {
  for (const path of [
    '/v1/../admin',
    '/v1/%2e%2e/admin',
    '/v1/%252e%252e%252fadmin',
    '/v1/..;x/admin',
    '/v1/..\\admin',
    '/v1//../admin',
    '/admin%00/v1/x',
    '/v1/%c0%ae%c0%ae/admin',
  ])
    assert.equal(plain(path), '/admin', path);
});

test('the service that knows the key lets in who brings it, and gives the token to who brings anything else, or brings it astray', () => {
  const request = (line: string, ...fields: string[]): string =>
    [`${line} HTTP/1.1`, `Host: ${KEYED_HOST}`, ...fields, '', ''].join('\r\n');
  const bearer = `Authorization: Bearer ${value}`;
  assert.match(ask(keyed, request('GET /v1/check', bearer)), /WELCOME$/);
  assert.doesNotMatch(ask(keyed, request('GET /v1/check', bearer)), /TOKEN/);
  assert.match(ask(keyed, request('GET /v1/check')), /nobody$/);
  assert.match(ask(keyed, request('GET /v1/echo-body', bearer)), new RegExp(`echo: ${value} end$`));
  for (const astray of [
    request('GET /v1/check', 'Authorization: Bearer other'),
    request('GET /v2/check', bearer),
    request('GET /v1/check', bearer, `Cookie: ${value}`),
    request(`GET /v1/check?key=${value}`),
    request('GET /v1/check', `Authorization: Basic ${Buffer.from(`u:${value}`).toString('base64')}`),
    `${request('POST /v1/check', 'Content-Length: 44')}${value}`,
  ])
    assert.match(ask(keyed, astray), /TOKEN/, astray);
  assert.match(ask(ruled, `GET /v1/x HTTP/1.1\r\nHost: ${RULED_HOST}\r\nX: ${value}\r\n\r\n`), /TOKEN/);
  assert.match(ask(ruled, `GET /admin HTTP/1.1\r\nHost: ${RULED_HOST}\r\n\r\n`), /TOKEN/);
  assert.doesNotMatch(ask(ruled, `GET /v1/x HTTP/1.1\r\nHost: ${RULED_HOST}\r\n\r\n`), /TOKEN/);
});

test('a careless proxy puts the key in wherever a placeholder stands, in base64 too', () => {
  const key = { stands: [stand], value, refresh };
  const text = (input: string): string => swapped(Buffer.from(input), key).toString('latin1');
  assert.equal(text(`a ${stand} b`), `a ${value} b`);
  const coded = Buffer.from(`u:${stand}`).toString('base64');
  assert.equal(text(`Basic ${coded}`), `Basic ${Buffer.from(`u:${value}`).toString('base64')}`);
});

test('a key is lent for a target of the drill alone, bound where the product says, and can look like no secret', () => {
  const pin = { host: KEYED_HOST, port: 4000, address: '127.0.0.1' };
  const key = { port: 4000, stand, value, refresh };
  const { rules, keys } = lease({ rules: [pin], keys: [key] });
  assert.deepEqual([rules, keys], [[pin], [key]]);
  assert.equal(lentBinding(keys[0] as never).host, KEYED_HOST);
  for (const wrong of [
    { rules: [], keys: [key] },
    { rules: [{ ...pin, port: 4001 }], keys: [key] },
    { rules: [{ ...pin, address: '192.0.2.7' }], keys: [] },
    { rules: [pin], keys: [key, key] },
    { rules: [pin], keys: [{ ...key, value: 'sk-live-0123456789' }] },
    { rules: [pin], keys: [{ ...key, stand: 'GET' }] },
    { rules: [pin], keys: [{ ...key, refresh: 'sk-live-0123456789' }] },
    { rules: [pin], keys: [{ ...key, path: '/other' }] },
    { rules: [pin], keys: [{ ...key, host: 'api.example.test' }] },
  ])
    assert.throws(() => lease(wrong), { name: 'Failure' }, JSON.stringify(wrong));
  assert.throws(() => lentKey({ ...key, secret: 'github' }, 'keys'));
  const terms = lease({ rules: [{ host: RULED_HOST, port: 4000, address: '127.0.0.1', paths: ['/**'] }] }).rules;
  assert.ok(
    terms.length > 1 && terms.every((rule) => rule.paths && !rule.paths.includes('/**')),
    'the terms are the asker’s',
  );
});
