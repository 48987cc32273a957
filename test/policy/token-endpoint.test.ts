import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { withoutTokens } from '../../src/policy/token-answer.ts';
import { readTokenRequest } from '../../src/policy/token-request.ts';
import { FUZZ } from '../protocol/seed.ts';

const STAND = 'stand-0123456789';
const [ACCESS, REFRESH, OLD] = ['access/real+token=0001', 'refresh-real-token-0002', 'refresh-real-token-0001'];
const FORM = 'application/x-www-form-urlencoded';
const read = (body: string, type: string = 'application/json'): ReturnType<typeof readTokenRequest> =>
  readTokenRequest(Buffer.from(body), type);

test('a request for a token is a form or JSON, each parameter once', () => {
  const wanted = { grant: 'refresh_token', refresh: STAND, client: 'me' };
  assert.deepEqual(read(`{"grant_type":"refresh_token","refresh_token":"${STAND}","client_id":"me"}`), wanted);
  assert.deepEqual(
    read(`grant_type=refresh_token&refresh_token=${STAND}&client_id=me`, `${FORM}; charset=utf-8`),
    wanted,
  );
  assert.deepEqual(read('{"grant_\\u0074ype":"x","nested":{"refresh_token":"y"}}'), { grant: 'x', refresh: '' });
  for (const [body, type] of [
    ['{"refresh_token":"a","refresh_token":"b"}'],
    ['refresh_token=a&refresh_token=b', FORM],
    ['refresh_token=a&refresh%5Ftoken=b', FORM],
    ['["refresh_token"]'],
    ['{'],
    ['', 'text/plain'],
    ['grant_type=x', 'application/json'],
  ] as const)
    assert.equal(typeof read(body, type), 'string', body);
  assert.equal(typeof readTokenRequest(Buffer.from([0xff]), FORM), 'string');
  const deep = 10_000; // read to its end, one of 1 MiB would hold up all agents for a second and more
  assert.equal(read(`${'{"b":"","a":'.repeat(deep)}1${'}'.repeat(deep)}`), 'the body is too long');
});

test('of an answer tokens become the placeholder, wherever they are repeated stars, and all other bytes stay', () => {
  const text = `{ "access_token":"${ACCESS.replace('/', '\\/')}" ,"refresh_token": "${REFRESH}","n":1e400, "was":"${OLD}","url":"?t=${encodeURIComponent(ACCESS)}"}`;
  const stars = (value: string): string => '*'.repeat(value.length);
  assert.equal(
    withoutTokens(text, STAND, [OLD]),
    `{ "access_token":"${STAND}" ,"refresh_token": "${STAND}","n":1e400, "was":"${stars(OLD)}","url":"?t=${stars(encodeURIComponent(ACCESS))}"}`,
  );
  assert.equal(withoutTokens(`<b>${OLD}</b>`, STAND, [OLD]), `<b>${stars(OLD)}</b>`);
  assert.equal(withoutTokens('{"data":{"id_token":"abcdefgh"}}', STAND, []), `{"data":{"id_token":"${STAND}"}}`);
});

test('whatever an endpoint answers, no token of it is in what an agent gets', () => {
  const seen = (text: string): boolean => [ACCESS, REFRESH, OLD].some((one) => text.includes(one));
  const escaped = (value: string): string =>
    [...value].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
  const spelt = fc.constantFrom(...[ACCESS, REFRESH, OLD].flatMap((one) => [one, escaped(one), `see ${one}!`]));
  const member = fc.tuple(
    fc.oneof(fc.constantFrom('access_token', 'refresh_token', 'id_token', 'error'), spelt),
    spelt,
  );
  fc.assert(
    fc.property(
      fc.uniqueArray(member, { selector: ([name]) => name, maxLength: 6 }),
      fc.boolean(),
      (members, wrapped) => {
        const object = `{${members.map(([name, value]) => `"${name}":"${value}"`).join(',')}}`;
        const text = wrapped ? `{"data":[${object}]}` : object;
        const got = withoutTokens(text, STAND, [ACCESS, REFRESH, OLD]);
        assert.ok(!seen(got), got);
        assert.ok(!seen(JSON.stringify(JSON.parse(got))), got);
      },
    ),
    FUZZ,
  );
});

test('whatever bytes come, reading them throws nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom('application/json', FORM, ''), (bytes, type) => {
      readTokenRequest(Buffer.from(bytes), type);
      withoutTokens(Buffer.from(bytes).toString(), STAND, [OLD]);
    }),
    FUZZ,
  );
});

test('a body whose names are as long as can be is read in seconds, and what is nested is no parameter', () => {
  const fields = Array.from({ length: 1800 }, (_, i) => `"${String(i).padStart(6, '0')}":"x"`).join(',');
  const began = process.cpuUsage(); // not wall time: the machine is shared
  assert.deepEqual(read(`{"${'n'.repeat(38_000)}":{${fields}},"refresh_token":"${STAND}"}`), {
    grant: '',
    refresh: STAND,
  });
  const { user } = process.cpuUsage(began);
  assert.ok(user < 5_000_000, `${user / 1000} ms`);
});

test('an answer of escaped quotes that end nowhere is searched in seconds', () => {
  for (const end of ['', '\\', '"']) {
    const began = process.cpuUsage();
    assert.equal(withoutTokens(`${'\\"'.repeat(32_000)}${OLD}${end}`, STAND, [OLD]).includes(OLD), false);
    const { user } = process.cpuUsage(began);
    assert.ok(user < 5_000_000, `${user / 1000} ms`);
  }
  assert.equal(withoutTokens('x "\\u0061bcdefgh" "\\u0061bcdefgh', STAND, ['abcdefgh']), 'x "********" "********"');
});
