import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Budget } from '../../src/model/budget.ts';
import type { UsageDocument, UsageEntry } from '../../src/model/usage.ts';
import { ReadWorld } from './read-world.ts';

// Requests over HTTP/2 are counted like those of HTTP/1.1.

interface Said {
  readonly path?: string;
  readonly body?: string | number;
}
const world = new ReadWorld<Said>();
before(() => world.begin('http2-origin.ts'));
after(() => world.stop());

const policy = (budget: Budget): Promise<unknown> => {
  const secret = { variable: 'KEY', secret: 'api', host: 'allow.test', port: 9443, in: ['bearer', 'basic'] };
  const egress = [{ host: 'allow.test', port: 9443 }];
  return world.warden.call('policy', {
    roots: [readFileSync(join(world.dir, 'cert.pem'), 'utf8')],
    agents: [{ name: 'coder', egress, grants: [], secrets: [secret], budget }],
  });
};
const curl = (...args: string[]): Promise<{ status: number | null; out: string; err: string }> =>
  world.trusting(
    '--http2',
    '-w',
    '%{http_version} %{http_code}',
    '-H',
    `Authorization: Bearer ${world.stand}`,
    ...args,
  );
/** The server answers with the body. */
const post = (body: object): Promise<{ out: string; err: string }> =>
  curl('--data-binary', JSON.stringify(body), 'https://allow.test:9443/body');
const usage = async (): Promise<UsageEntry> => {
  const { usage } = (await world.warden.call('usage', { agent: 'coder', days: 1 })) as UsageDocument;
  return usage[0] as UsageEntry;
};

test('tokens are read from answers over HTTP/2, and a cap refuses the next', async () => {
  await policy({ tokens: 20 });
  const said = { model: 'm', usage: { input_tokens: 9, output_tokens: 8 } };
  for (const n of [1, 2]) assert.match((await post({ ...said, n })).out, /2 200$/);
  const { tokens, requests, answers } = await usage();
  assert.deepEqual([tokens.input, tokens.output, requests, answers], [18, 16, 2, 2]);
  const { out } = await post(said);
  assert.match(out, /its budget of 20 tokens .* is used up \(34 tokens\).*2 402$/s);
  const called = await curl('-i', '--data-binary', '{}', 'https://allow.test:9443/v1/messages?beta=true');
  assert.match(called.out, /^HTTP\/2 402 [\s\S]*^x-should-retry: false\r$/m);
  assert.match(called.out, /"error":\{"type":"billing_error","message":"Refused by Bulkhead: its budget of 20 tokens/);
});

test('an answer that says no costs nothing', async () => {
  await policy({});
  const { unsaid } = await usage();
  const { out } = await curl('--data-binary', '{"model":"m"}', 'https://allow.test:9443/error');
  assert.match(out, /2 400$/);
  assert.deepEqual((await usage()).unsaid, unsaid);
});

test('each stream is a request: of ten at once on one connection as many pass as the cap leaves, and the connection goes on', async () => {
  const { requests } = await usage();
  await policy({ requests: requests + 4 });
  const { out, err } = await world.node(`
import http2 from 'node:http2';
const session = http2.connect('https://allow.test:9443');
const ask = (path) => new Promise((resolve) => {
  const stream = session.request({ ':path': path, authorization: 'Bearer ' + ${JSON.stringify(world.stand)} });
  let [status, body] = [0, ''];
  stream.on('response', (came) => { status = came[':status']; }).on('data', (part) => { body += part; });
  stream.on('error', () => {}).on('close', () => resolve([status, body]));
});
const all = await Promise.all(Array.from({ length: 10 }, (_, i) => ask('/echo?' + i)));
console.log(JSON.stringify([...all, await ask('/echo')]));
session.close();`);
  const all = JSON.parse(out) as [number, string][];
  assert.equal(all.filter(([status]) => status === 200).length, 4, err + out);
  const refused = all.filter(([status]) => status === 403).map(([, body]) => JSON.parse(body));
  assert.equal(refused.length, 7);
  for (const { rule, ask } of refused) {
    assert.match(rule, /^its budget of [0-9,]+ requests for \S+ is used up/);
    assert.equal(ask, 'wait for tomorrow, or ask your operator for more');
  }
  assert.equal((await usage()).requests, requests + 4);
});

test('bytes of every stream count; over the cap the connection ends, and the next is refused in words', async () => {
  const { up, down } = await usage();
  await policy({ bytes: up + down + 2_000_000 });
  const flood = await curl('-o', '/dev/null', 'https://allow.test:9443/flood');
  assert.notEqual(flood.status, 0);
  assert.notEqual(flood.status, 28, 'it did not have to be waited for'); // curl(1): 28 is a timeout
  const now = await usage();
  assert.ok(now.up + now.down >= up + down + 2_000_000, JSON.stringify(now));
  const { out } = await curl('https://allow.test:9443/echo');
  assert.match(out, /its budget of [0-9.]+ MiB for \S+ is used up.*2 403$/s);
});

test('a loop of requests without a body is refused too', async () => {
  await policy({ repeats: { times: 2, ms: 60_000 } });
  const remove = (): Promise<{ out: string }> => curl('-X', 'DELETE', 'https://allow.test:9443/echo');
  for (const _ of [1, 2]) assert.match((await remove()).out, /2 200$/);
  assert.match((await remove()).out, /the same request came more than 2 times.*2 403$/s);
});

test('a loop is refused before the server has the whole request, in the client’s own version', async () => {
  await policy({ repeats: { times: 2, ms: 60_000 } });
  const before = world.said.filter(({ path }) => path === '/body').length;
  for (const _ of [1, 2]) assert.match((await post({ same: true })).out, /2 200$/);
  assert.match((await post({ same: true })).out, /the same request came more than 2 times.*2 402$/s);
  assert.match((await post({ same: false })).out, /2 200$/);
  assert.equal(world.said.filter(({ path }) => path === '/body').length, before + 3);
});
