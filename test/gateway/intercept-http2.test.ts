import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ReadWorld, VALUE } from './read-world.ts';

// HTTP/2 through the real gateway, from curl and from Node, to Node's server: it says what it saw.

interface Said {
  readonly raw?: readonly string[];
  readonly trailers?: readonly string[];
  readonly path?: string;
  readonly body?: string | number;
  readonly aborted?: string;
  readonly ended?: string;
  readonly code?: number;
  readonly push?: boolean;
}
const world = new ReadWorld<Said>();
before(() => world.begin('http2-origin.ts'));
after(() => world.stop());
const URL_ = 'https://allow.test:9443';
const bearer = (): string[] => ['-H', `Authorization: Bearer ${world.stand}`];
const curl = (...args: string[]): Promise<{ status: number | null; out: string; err: string }> =>
  world.trusting('--http2', ...args);
const seen = (path: string): Said[] => world.said.filter((one) => one.path === path);

/** Runs code inside with `session`, a connection of Node's http2; `ask(headers, body, more)` gives {status, headers, body, trailers, code}. */
async function node(code: string): Promise<string[]> {
  const program = `
import http2 from 'node:http2';
setTimeout(() => process.exit(3), 60_000);
const stand = ${JSON.stringify(world.stand)};
const out = (one) => console.log(JSON.stringify(one));
const session = http2.connect('${URL_}');
session.on('error', (error) => out('session ' + error.code));
const ask = (headers, body, more = {}) => new Promise((resolve) => {
  const stream = session.request({ ':path': '/echo', ...headers }, { endStream: body === undefined, ...(more.trailers && { waitForTrailers: true }) });
  const got = { body: '', interim: [] };
  stream.on('headers', (came) => got.interim.push(came[':status']));
  stream.on('response', (came) => { got.status = came[':status']; got.headers = came; });
  stream.on('trailers', (came) => { got.trailers = came; });
  stream.on('data', (chunk) => { got.body += chunk.toString('latin1'); more.onData?.(stream); });
  stream.on('error', () => {});
  stream.on('close', () => resolve({ ...got, code: stream.rstCode }));
  if (more.trailers) stream.once('wantTrailers', () => stream.sendTrailers(more.trailers));
  if (body !== undefined) stream.end(body);
});
const auth = { authorization: 'Bearer ' + stand };
${code}
session.close();
process.exit();`;
  const { out, err } = await world.node(program);
  assert.equal(err, '');
  return out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

test('curl speaks HTTP/2 to a server that does; it sees the value, curl the placeholder’s like', async () => {
  for (const path of ['/echo', '/pieces', '/gzip']) {
    const { out, err } = await curl('-i', ...bearer(), URL_ + path);
    assert.match(out, /^HTTP\/2 200/, err);
    assert.match(out, /Bearer \S{32}$/);
    assert.ok(!out.includes(VALUE.slice(0, 10)), out);
    const raw = seen(path).at(-1)?.raw ?? [];
    assert.equal(raw[raw.indexOf('authorization') + 1], `Bearer ${VALUE}`);
    assert.equal(raw[raw.indexOf(':authority') + 1], 'allow.test:9443');
    assert.equal(raw[raw.indexOf('accept-encoding') + 1], 'identity');
  }
  const { out } = await curl('-i', ...bearer(), `${URL_}/echo`);
  assert.equal(out.match(/^set-cookie: /gm)?.length, 2);
  const used = await world.recorded('secret.used', ({ path }) => path === '/echo');
  assert.deepEqual([used.strength, used.secret, used.method], ['acknowledged', 'api', 'GET']);
});

test('a client of HTTP/1.1 gets that from the same server', async () => {
  const { out, err } = await world.trusting('--http1.1', '-i', ...bearer(), `${URL_}/old`);
  assert.match(out, /^HTTP\/1\.1 200 [\s\S]*Bearer \S{32}$/, err);
});

test('a hundred streams at once on one connection each get their answer', async () => {
  const [same, different] = await node(`
const all = await Promise.all(Array.from({ length: 100 }, (_, i) => ask({ ...auth, ':path': '/body', ':method': 'POST' }, 'body ' + i)));
out(all.every(({ status, body }, i) => status === 200 && body === 'body ' + i));
out((await ask(auth)).body.length);`);
  assert.deepEqual([same, different], [true, 39]);
});

test('trailers pass as gRPC needs them, in both directions, without the value', async () => {
  const [answer, sent, only] = (await node(`
out(await ask({ ...auth, ':path': '/grpc', ':method': 'POST', te: 'trailers' }, 'message'));
out(await ask({ ':path': '/body', ':method': 'POST' }, 'x', { trailers: { 'x-sum': '1', 'content-type': 'evil' } }));
out(await ask({ ':path': '/only-trailers' }));`)) as unknown as { [key: string]: Record<string, string> }[];
  assert.equal(answer?.trailers?.['grpc-status'], '0');
  assert.match(answer?.trailers?.['grpc-message'] ?? '', /^Bearer \S{32}$/);
  assert.ok(!JSON.stringify(answer).includes(VALUE.slice(0, 10)));
  assert.equal(sent?.status, 200);
  assert.equal(only?.headers?.['grpc-status'], '12');
  assert.deepEqual(seen('/body').at(-1)?.trailers, ['x-sum', '1']);
});

test('a refusal is the answer to its stream, and the connection goes on', async () => {
  const before = world.said.length;
  const got = (await node(`
for (const [headers, body, more] of [
  [{ 'x-other': stand }], [{ ':path': '/x?k=' + stand }], [{ cookie: 'k=' + stand }], [{ authorization: 'Bearer of-somebody-else' }],
  [{ ':method': 'POST', ':path': '/refused' }, 'a' + stand], [{ ':method': 'POST', ':path': '/refused' }, 'x'.repeat(100_000) + stand + 'y'.repeat(100_000)],
  [{ ':method': 'POST', ':path': '/refused' }, 'x', { trailers: { 'x-t': stand } }],
]) { const { status, body: text } = await ask(headers, body, more); out([status, JSON.parse(text).rule]); }
out((await ask(auth)).status);`)) as unknown as [number, string][];
  assert.equal(got.pop() as unknown, 200);
  for (const [status, rule] of got) assert.ok(status === 403 && /placeholder/.test(rule), JSON.stringify(got));
  assert.equal(got.length, 7);
  const after_ = world.said.slice(before).filter(({ path }) => path !== undefined);
  assert.deepEqual(
    after_.map(({ path }) => path),
    ['/echo'],
    'the server had none of them whole',
  );
  assert.ok(world.findings.length > 0);
  await world.recorded('secret.misused', ({ method, path }) => method === 'POST' && path === '/refused'); // found in the body itself
});

test('another authority, another scheme, a Host that disagrees, CONNECT: refused, and the server sees none', async () => {
  const before = world.said.length;
  const got = (await node(`
for (const headers of [{ ':authority': 'deny.test' }, { ':authority': 'allow.test:1' }, { ':authority': 'allow.test:9443', host: 'deny.test' }, { ':scheme': 'http' }, { ':path': 'http://deny.test/' }, { ':path': '/a b' }, { te: 'trailers', 'x y': 'a' }])
  try { const { status, code } = await ask(headers); out([status ?? 'reset', code]); } catch (error) { out(['thrown', error.code]); }
const stream = session.request({ ':method': 'CONNECT', ':authority': 'deny.test:443' });
stream.on('error', () => {});
out(await new Promise((resolve) => { stream.on('response', (came) => resolve([came[':status']])); stream.on('close', () => resolve(['reset'])); }));
stream.destroy();`)) as unknown as [number | string][];
  for (const [status] of got) assert.ok([400, 403, 'reset', 'thrown'].includes(status), JSON.stringify(got));
  assert.deepEqual(
    got.slice(0, 5).map(([status]) => status),
    [403, 403, 403, 400, 'reset'],
  );
  assert.equal(world.said.length, before);
});

test('resets pass both ways: a server’s to the client, a client’s to the server', async () => {
  const [reset, half] = (await node(`
out(await ask({ ':path': '/reset' }));
out(await ask({ ':path': '/half' }));
await ask({ ':path': '/silent' }, undefined, { onData: (stream) => stream.close(8) });`)) as unknown as Record<
    string,
    unknown
  >[];
  assert.equal(reset?.status, 502);
  assert.deepEqual([half?.status, half?.body, half?.code], [200, 'a part', 2]);
  assert.equal((await world.heard(({ ended }) => ended === 'silent')).code, 8);
});

test('a server that is gone ends the streams, and the client’s connection', async () => {
  const got = await node(`
session.on('close', () => out('session closed'));
const { status, body, code } = await ask({ ':path': '/cut' });
out([status, body, code !== 0]);`);
  assert.deepEqual(got.sort(), [[200, 'a part', true], 'session closed'].sort());
});

test('interim answers pass; nothing is pushed; a server that goes away lets the last stream end', async () => {
  const [early, push, last] = (await node(`
out(await ask({ ':path': '/early' }));
out(await ask({ ':path': '/push' }));
out(await ask({ ':path': '/goaway' }));`)) as unknown as Record<string, unknown>[];
  assert.deepEqual([early?.interim, early?.body], [[103], 'after']);
  assert.equal((await world.heard(({ push: told }) => told !== undefined)).push, false);
  assert.equal(push?.body, 'no push');
  assert.equal(last?.body, 'last');
});

test('events come as they are sent, large answers and uploads pass whole', async () => {
  const [gap, large, sent] = (await node(`
let apart = 0;
for (let tries = 0; tries < 5 && apart <= 150; tries++) { // sent 300 ms apart; one that came late by a stall is nearer to the next
  const times = [];
  await ask({ ':path': '/events' }, undefined, { onData: () => times.push(performance.now()) });
  apart = times.length === 3 ? times[1] - times[0] : 0;
}
out(apart > 150);
out((await ask({ ':path': '/large' })).body.length);
out((await ask({ ':method': 'POST', ':path': '/body' }, Buffer.alloc(5_000_000, 'z'))).body);`)) as unknown[];
  assert.deepEqual([gap, large, sent], [true, 320 * 65536, '5000000']);
});
