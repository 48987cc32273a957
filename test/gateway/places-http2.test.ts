import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ReadWorld, VALUE } from './read-world.ts';

// Secrets in query, path and JSON over HTTP/2; test/clients/rules.test.ts has them over HTTP/1.1.

interface Said {
  readonly path?: string;
  readonly body?: string | number;
  readonly raw?: readonly string[];
}
const world = new ReadWorld<Said>();
before(() => world.begin('http2-origin.ts', { in: ['query key', 'path bot', 'json auth.key'] }));
after(() => world.stop());

const curl = async (path: string, body?: string, ...args: string[]): Promise<string> => {
  const data = body === undefined ? [] : ['-H', 'content-type: application/json', '--data-binary', '@-'];
  const all = ['-sS', '-m', '20', '--cacert', world.authority, '--http2', '-w', ' %{http_version} %{http_code}'];
  const { out, err } = await world.run(
    'coder',
    ['curl', ...all, ...data, ...args, `https://allow.test:9443${path}`],
    body,
  );
  return out + err;
};
const json = (more: string = ''): string => `{"n":1,"auth":{"key":"${world.stand}"}${more}}`;

test('a value goes into query, path and a field of JSON, and nothing of it comes back', async () => {
  for (const said of [
    await curl(`/body?a=1&key=${world.stand}`),
    await curl(`/bot${world.stand}/send`),
    await curl('/body', json()),
    await curl('/body', json(`,"x":"${'y'.repeat(500_000)}"`)),
  ]) {
    assert.match(said, / 2 200$/);
    assert.ok(!said.includes(VALUE.slice(0, 10)), said);
  }
  const [query, path, small, large] = world.said;
  assert.deepEqual([query?.path, path?.path], [`/body?a=1&key=${VALUE}`, `/bot${VALUE}/send`]);
  assert.equal(small?.body, `{"n":1,"auth":{"key":"${VALUE}"}}`);
  assert.equal(large?.body, json(`,"x":"${'y'.repeat(500_000)}"`).length - world.stand.length + VALUE.length);
  const { raw = [] } = small ?? {};
  assert.equal(raw[raw.indexOf('content-length') + 1], String(String(small?.body).length));
});

test('elsewhere, and in what cannot be judged whole, it is refused, and nothing of the request gets there', async () => {
  const before = world.said.length;
  for (const [said, why] of [
    [await curl(`/body?other=${world.stand}`), /where its secret is not bound/],
    [await curl('/body?key=of-an-attacker'), /no placeholder of this agent/],
    [await curl(`/${world.stand}/body`), /where its secret is not bound/],
    [await curl('/body', `{"other":"${world.stand}"}`), /where its secret is not bound/],
    [await curl('/body', '{"auth":{"key":"of-an-attacker"}}'), /no placeholder of this agent/],
    [await curl('/body', json().slice(0, -1)), /not JSON/],
    [await curl('/body', json(), '-H', 'content-encoding: gzip'), /compressed/],
    [await curl('/body', json(`,"x":"${'y'.repeat(1_100_000)}"`)), /too long/],
  ] as const) {
    assert.match(said, why);
    assert.match(said, / 2 40[03]$/);
  }
  assert.deepEqual(world.said.slice(before), []);
});

test('a body that was judged leaves its room to the next, on one connection without end', async () => {
  const { out, err } = await world.node(`
import http2 from 'node:http2';
const session = http2.connect('https://allow.test:9443');
const body = JSON.stringify({ auth: { key: ${JSON.stringify(world.stand)} }, x: 'y'.repeat(1_000_000) });
const ask = () => new Promise((resolve) => {
  const stream = session.request({ ':path': '/body', ':method': 'POST', 'content-type': 'application/json' });
  let status = 0;
  stream.on('response', (came) => { status = came[':status']; }).on('error', () => {}).on('close', () => resolve(status)).resume();
  stream.end(body);
});
const all = [];
for (let i = 0; i < 18; i++) all.push(await ask());
console.log(JSON.stringify(all));
session.close();`);
  assert.deepEqual(JSON.parse(out), Array(18).fill(200), err);
});
