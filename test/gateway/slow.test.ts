import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { LIMITS } from '../../src/programs/gateway/limits.ts';
import { ReadWorld } from './read-world.ts';

// Clients that take their time and clients that never end, where requests are read: the gateway gives them up within its limits, keeps nothing of
// what they send, and serves others meanwhile.

/** Those that are given up by the clock take 10 s: in the long suite. */
const LONG = process.env.BULKHEAD_LONG !== undefined;
const world = new ReadWorld<object>();
before(() => world.begin('http2-origin.ts'));
after(() => world.stop());

const megabytes = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${world.gateway.pid}/status`, 'utf8'))?.[1]) / 1024;

/** All at once, each over a connection of its own. Prints for each {name, ms, sent, closed, answer}. */
const CLIENT = `
import net from 'node:net';
import tls from 'node:tls';
const [late, all] = process.argv.slice(1).map(Number);
const TO = { host: 'allow.test', port: 9443, servername: 'allow.test' };
const wait = (ms) => new Promise((r) => setTimeout(r, ms));
const frame = (type, flags, id, payload = Buffer.alloc(0)) => Buffer.concat([Buffer.from([payload.length >> 16, payload.length >> 8, payload.length, type, flags, 0, 0, 0, id]), payload]);
const PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n'), frame(4, 0, 0)]);
const HEAD = 'GET /body HTTP/1.1\\r\\nHost: allow.test:9443\\r\\n';
const text = (one) => Buffer.from([one.length, ...Buffer.from(one)]);
const fields = Buffer.concat(Object.entries({ ':method': 'POST', ':scheme': 'https', ':authority': 'allow.test:9443', ':path': '/body' }).flatMap(([n, v]) => [Buffer.from([0]), text(n), text(v)]));
const line = (protocol) => new Promise((resolve) => { const s = tls.connect({ ...TO, ALPNProtocols: [protocol] }, () => resolve(s)); s.on('error', () => resolve(s)); });
const ways = {
  'one byte of a ClientHello after the other': [net, async (s, put) => { const hello = Buffer.from('1603010200010001fc0303' + '00'.repeat(500), 'hex'); for (const byte of hello) if (!(await put(Buffer.from([byte])))) return; else await wait(40); }],
  'a ClientHello and no more': [net, async (s, put) => put(await hello())],
  'one byte of a head after the other': ['http/1.1', async (s, put) => { for (const byte of Buffer.from(HEAD + 'X: ' + 'y'.repeat(2000))) if (!(await put(Buffer.from([byte])))) return; else await wait(20); }],
  'half a head': ['http/1.1', (s, put) => put(Buffer.from(HEAD))],
  'a head of 100 MB': ['http/1.1', async (s, put) => { await put(Buffer.from(HEAD)); for (let i = 0; i < 1600; i++) if (!(await put(Buffer.from('X-' + i + ': ' + 'y'.repeat(65_500) + '\\r\\n')))) return; }],
  'a line of 100 MB': ['http/1.1', async (s, put) => { await put(Buffer.from('GET /')); for (let i = 0; i < 1600; i++) if (!(await put(Buffer.alloc(65_536, 'x')))) return; }],
  'a chunk size of 100 MB': ['http/1.1', async (s, put) => { await put(Buffer.from('POST /body HTTP/1.1\\r\\nHost: allow.test:9443\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n')); for (let i = 0; i < 1600; i++) if (!(await put(Buffer.alloc(65_536, '0')))) return; }],
  'trailers of 100 MB': ['http/1.1', async (s, put) => { await put(Buffer.from('POST /body HTTP/1.1\\r\\nHost: allow.test:9443\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n')); for (let i = 0; i < 26_000; i++) if (!(await put(Buffer.from('X: ' + 'y'.repeat(4000) + '\\r\\n')))) return; }],
  'CONTINUATION of 100 MB': ['h2', async (s, put) => { await put(Buffer.concat([PREFACE, frame(1, 0, 1, fields)])); for (let i = 0; i < 6400; i++) if (!(await put(frame(9, 0, 1, Buffer.concat([Buffer.from([0]), text('x' + i), Buffer.from([127, 0x81, 0x7e]), Buffer.alloc(16_256, 'y')]))))) return; }],
};
const hello = () => new Promise((resolve) => {
  const server = net.createServer((s) => s.once('data', (data) => { resolve(data); s.destroy(); server.close(); })).listen(0, '127.0.0.1', () => {
    tls.connect({ host: '127.0.0.1', port: server.address().port, servername: 'allow.test', ALPNProtocols: ['h2', 'http/1.1'] }).on('error', () => {});
  });
});
await Promise.all(Object.entries(ways).filter(([name]) => all || name.includes('100 MB')).map(async ([name, [over, act]]) => {
  const s = over === net ? net.connect(TO) : await line(over);
  const began = performance.now();
  let sent = 0;
  let answer = '';
  let closed = s.destroyed;
  const gone = new Promise((resolve) => s.once('close', () => { closed = true; resolve(); }));
  s.setMaxListeners(0);
  s.on('error', () => {}).on('data', (data) => { answer = (answer + data.toString('latin1')).slice(0, 12); });
  s.on('end', () => s.destroy());
  const put = async (bytes) => {
    if (closed) return false;
    sent += bytes.length;
    if (!s.write(bytes)) await Promise.race([new Promise((r) => s.once('drain', r)), gone]);
    return !closed;
  };
  const timer = setTimeout(() => s.destroy(new Error('late')), late);
  await Promise.all([act(s, put), gone]);
  clearTimeout(timer);
  console.log(JSON.stringify({ name, ms: Math.round(performance.now() - began), sent, answer }));
}));`;

interface Got {
  readonly name: string;
  readonly ms: number;
  readonly sent: number;
  readonly answer: string;
}

test('slow and endless clients are given up within the limits, others are served meanwhile, and nothing of them is kept', async () => {
  const late = LIMITS.headMs + 15_000;
  const calm = megabytes();
  const trust = `NODE_EXTRA_CA_CERTS=${world.authority}`;
  const running = world.run('coder', [
    'env',
    trust,
    process.execPath,
    '--input-type=module',
    '-e',
    CLIENT,
    String(late),
  ]);
  let over = false;
  let most = 0;
  let served = 0;
  const all = running.finally(() => {
    over = true;
  });
  while (!over) {
    const { out, err } = await world.trusting('-w', '%{http_code}', 'https://allow.test:9443/body');
    assert.equal(out, '200', err);
    served += 1;
    most = Math.max(most, megabytes() - calm);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  const { out, err } = await all;
  assert.equal(err, '');
  const got = out
    .trim()
    .split('\n')
    .map((line): Got => JSON.parse(line));
  console.log(
    got
      .map(({ name, ms, sent, answer }) => `${name}: ${ms} ms, ${sent} bytes taken, ${JSON.stringify(answer)}`)
      .join('\n'),
  );
  console.log(`${served} others were served meanwhile; the gateway grew by ${most.toFixed()} MB at most`);
  assert.equal(got.length, LONG ? 9 : 5);
  for (const { name, ms, sent } of got) {
    assert.ok(ms < late - 2000, `${name} was not given up in ${ms} ms`);
    if (name.includes('100 MB')) assert.ok(sent < 16 << 20, `of ${name} ${sent} bytes were taken`);
  }
  assert.ok(served > 0);
  assert.ok(most < 96, `it grew by ${most.toFixed()} MB`);
  assert.equal(world.gateway.exitCode, null);
});
