import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { ReadWorld } from './read-world.ts';

// What RFC 9113, 10.5 and later reports (rapid reset, CONTINUATION flood, HPACK bombs) say an end may do, done to the real gateway.

interface Said {
  readonly path?: string;
}
const world = new ReadWorld<Said>();
before(() => world.begin('http2-origin.ts'));
after(() => world.stop());

/** Runs code inside, beside these: `open()` gives a connection that has sent the preface, {send(...frames), frames, closed, wait(ms)}; `head(id,
 *  more)` a whole request; `frame(type, flags, id, payload)`. It prints what it found out as JSON. */
async function attack(code: string): Promise<unknown> {
  const program = `
import tls from 'node:tls';
const frame = (type, flags, id, payload = Buffer.alloc(0)) => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3); head[3] = type; head[4] = flags; head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
};
const [DATA, HEADERS, RST, SETTINGS, PING, WINDOW, CONTINUATION, GOAWAY] = [0, 1, 3, 4, 6, 8, 9, 7];
const text = (one) => Buffer.concat([Buffer.from(one.length < 127 ? [one.length] : [127, ...long(one.length - 127)]), Buffer.from(one, 'latin1')]);
const long = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...long(n >> 7)]);
const field = (name, value) => Buffer.concat([Buffer.from([0]), text(name), text(value)]);
const fields = (more = []) => Buffer.concat([[':method', 'GET'], [':scheme', 'https'], [':authority', 'allow.test:9443'], [':path', '/echo'], ...more].map(([n, v]) => field(n, v)));
const head = (id, more, flags = 5) => frame(HEADERS, flags, id, fields(more));
const open = () => new Promise((resolve, reject) => {
  const socket = tls.connect({ host: 'allow.test', port: 9443, servername: 'allow.test', ALPNProtocols: ['h2'] });
  const connection = { frames: [], closed: false, wait: async (ms, until = () => false) => { for (const end = Date.now() + ms; !connection.closed && !until() && Date.now() < end; ) await new Promise((r) => setTimeout(r, 10)); },
    send: async (...list) => { for (const one of list) if (!connection.closed && !socket.write(one)) await new Promise((r) => socket.once('drain', r).once('close', r)); },
    goaway: () => connection.frames.find(({ type }) => type === GOAWAY)?.payload.readUInt32BE(4), answers: (status) => connection.frames.filter(({ type }) => type === HEADERS).length };
  socket.setMaxListeners(0);
  let held = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 9 && held.length >= 9 + held.readUIntBE(0, 3)) {
      const size = held.readUIntBE(0, 3);
      if (connection.frames.length < 5000) connection.frames.push({ type: held[3], flags: held[4], id: held.readUInt32BE(5), payload: held.subarray(9, 9 + size) });
      held = held.subarray(9 + size);
    }
  });
  socket.on('error', () => {}); socket.on('close', () => { connection.closed = true; });
  socket.once('secureConnect', async () => { await connection.send(Buffer.from('PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n'), frame(SETTINGS, 0, 0)); resolve(connection); });
});
setTimeout(() => { console.log('"late"'); process.exit(); }, 60_000);
${code}
process.exit();`;
  const { out, err } = await world.node(program);
  assert.equal(err, '');
  return JSON.parse(out.trim().split('\n').at(-1) ?? '');
}
const megabytes = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${world.gateway.pid}/status`, 'utf8'))?.[1]) / 1024;
/** The gateway lives, has not grown, and serves others. */
async function unharmed(before_: number, by: number = 60): Promise<void> {
  assert.equal(world.gateway.exitCode, null);
  const grown = megabytes() - before_;
  assert.ok(grown < by, `it grew by ${grown.toFixed()} MB`);
  const { out, err } = await world.trusting('--http2', '-w', '%{http_code}', 'https://allow.test:9443/body');
  assert.equal(out, '200', err);
}
let calm = 0;

test('a request by hand is answered', async () => {
  assert.equal(
    await attack(
      `const c = await open(); await c.send(head(1)); await c.wait(20_000, () => c.answers() > 0); console.log(c.answers());`,
    ),
    1,
  );
  await unharmed(megabytes());
  calm = megabytes();
});

test('rapid reset: a connection that resets thousands of streams is ended before many of them are so much as judged', async () => {
  const judged = (): number => world.entries.filter(({ path }) => path === '/echo').length;
  const before_ = judged();
  const code = await attack(`const c = await open();
for (let i = 0; i < 20_000 && !c.closed; i++) await c.send(head(2 * i + 1), frame(RST, 0, 2 * i + 1, Buffer.from([0, 0, 0, 8])));
await c.wait(20_000); console.log(JSON.stringify([c.closed, c.goaway() ?? null]));`);
  assert.equal((code as [boolean])[0], true, JSON.stringify(code));
  assert.ok(judged() - before_ < 400, `${judged() - before_} were judged`);
  await unharmed(calm);
});

test('more streams at once than allowed are refused', async () => {
  const refused = await attack(`const c = await open();
for (let i = 0; i < 150; i++) await c.send(head(2 * i + 1, [], 4));
const refused = () => c.frames.filter(({ type, payload }) => type === RST && payload.readUInt32BE(0) === 7).length;
await c.wait(20_000, () => refused() >= 50); console.log(c.closed ? 50 : refused());`);
  assert.ok((refused as number) >= 50, String(refused));
  await unharmed(calm);
});

test('a CONTINUATION flood is cut off early', async () => {
  const sent = await attack(`const c = await open();
await c.send(frame(HEADERS, 1, 1, fields()));
let sent = 0;
for (; sent < 50_000 && !c.closed; sent++) { await c.send(frame(CONTINUATION, 0, 1, field('x-' + sent, 'y'.repeat(1000)))); if (sent % 20 === 0) await new Promise(setImmediate); }
await c.wait(20_000); console.log(JSON.stringify([c.closed, sent]));`);
  assert.ok((sent as [boolean, number])[0], JSON.stringify(sent));
  await unharmed(calm);
});

test('an HPACK bomb: a large field indexed once and named thousands of times does not become memory', async () => {
  const got = await attack(`const c = await open();
const bomb = Buffer.concat([fields(), Buffer.from([0x40]), text('x-bomb'), text('b'.repeat(3900)), Buffer.alloc(12_000, 0xbe)]);
for (let i = 0; i < 60 && !c.closed; i++) await c.send(frame(HEADERS, 5, 2 * i + 1, i === 0 ? bomb : Buffer.concat([fields(), Buffer.alloc(12_000, 0xbe)])));
await c.wait(3000); console.log(c.answers());`);
  assert.equal(got, 0);
  await unharmed(calm);
});

test('a field section larger than is told is refused, as are too many fields', async () => {
  const before_ = world.said.length;
  const got = await attack(`const c = await open();
await c.send(head(1, [['x-large', 'z'.repeat(15_000)]]));
await c.send(frame(HEADERS, 1, 3, fields([['x-a', 'z'.repeat(15_000)]])), frame(CONTINUATION, 0, 3, field('x-b', 'z'.repeat(15_000))), frame(CONTINUATION, 0, 3, field('x-c', 'z'.repeat(15_000))), frame(CONTINUATION, 4, 3, field('x-d', 'z'.repeat(15_000))));
await c.send(head(5, Array.from({ length: 300 }, (_, i) => ['x' + i, ''])));
await c.wait(20_000, () => c.answers() > 0); await c.wait(500); console.log(JSON.stringify(c.frames.filter(({ type }) => type === HEADERS).map(({ id }) => id)));`);
  assert.ok((got as number[]).includes(1));
  assert.equal(world.said.length, before_ + 1);
  await unharmed(calm);
});

test('floods of pings, settings, empty DATA and window updates do not pile up', async () => {
  for (const one of [
    'frame(PING, 0, 0, Buffer.alloc(8))',
    'frame(SETTINGS, 0, 0, Buffer.from([0, 4, 0, 0, 255, 255]))',
    'frame(DATA, 0, 1)',
    'frame(WINDOW, 0, 0, Buffer.from([0, 0, 0, 1]))',
    'frame(8, 0, 1, Buffer.from([0, 0, 0, 1]))',
    'frame(2, 0, 1, Buffer.from([0, 0, 0, 3, 1]))',
    'frame(0xbb, 0, 0, Buffer.alloc(100))',
  ]) {
    const ended = await attack(`const c = await open();
await c.send(frame(HEADERS, 4, 1, fields()));
const many = Buffer.concat(Array.from({ length: 1000 }, () => ${one}));
for (let i = 0; i < 40 && !c.closed; i++) await c.send(many);
await c.wait(300); console.log(c.closed);`);
    assert.notEqual(ended, 'late', one);
    await unharmed(calm);
  }
});

test('pings whose answers are never read do not pile up', async () => {
  const closed = await attack(`import net from 'node:net';
const c = await open();
const socket = tls.connect({ host: 'allow.test', port: 9443, servername: 'allow.test', ALPNProtocols: ['h2'] });
await new Promise((r) => socket.once('secureConnect', r));
socket.setMaxListeners(0); socket.pause(); socket.on('error', () => {});
let gone = false; socket.on('close', () => { gone = true; });
socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n'), frame(SETTINGS, 0, 0)]));
const many = Buffer.concat(Array.from({ length: 2000 }, () => frame(PING, 0, 0, Buffer.alloc(8))));
for (let i = 0; i < 400 && !gone; i++) if (!socket.write(many)) await new Promise((r) => { socket.once('drain', r).once('close', r); setTimeout(r, 50); });
console.log(gone);`);
  assert.notEqual(closed, 'late');
  await unharmed(calm, 80);
});

test('answers that a client never takes stay with the server: 20 streams of 20 MB', async () => {
  const got = await attack(`const c = await open();
for (let i = 0; i < 20; i++) await c.send(frame(HEADERS, 5, 2 * i + 1, Buffer.concat([[':method', 'GET'], [':scheme', 'https'], [':authority', 'allow.test:9443'], [':path', '/large']].map(([n, v]) => field(n, v)))));
await c.wait(2500); console.log(c.frames.filter(({ type }) => type === DATA).reduce((sum, { payload }) => sum + payload.length, 0));`);
  assert.ok((got as number) <= 65_535, String(got));
  await unharmed(calm);
});

test('broken frames, wrong prefaces and frames out of order end the connection and nothing else', async () => {
  const before_ = world.said.length;
  const got = await attack(`const results = [];
for (const bytes of [frame(DATA, 0, 0, Buffer.alloc(4)), frame(HEADERS, 4, 2, fields()), frame(CONTINUATION, 4, 1, fields()), frame(HEADERS, 4, 1, Buffer.alloc(30, 255)), frame(SETTINGS, 0, 0, Buffer.alloc(5)), frame(5, 4, 1, Buffer.concat([Buffer.alloc(4), fields()])), Buffer.alloc(5000, 255), frame(PING, 0, 1, Buffer.alloc(8)), frame(WINDOW, 0, 0, Buffer.alloc(4)), frame(RST, 0, 1, Buffer.alloc(4))]) {
  const c = await open(); await c.send(bytes); await c.wait(20_000, () => c.goaway() !== undefined); results.push(c.closed || c.goaway() !== undefined);
}
console.log(JSON.stringify(results));`);
  assert.ok((got as boolean[]).every(Boolean), JSON.stringify(got));
  assert.equal(world.said.length, before_);
  await unharmed(calm);
});

test('what names another place or frames a message otherwise is refused, though written by hand', async () => {
  const before_ = world.said.length;
  const got = await attack(`const results = [];
const base = [[':method', 'GET'], [':scheme', 'https'], [':authority', 'allow.test:9443'], [':path', '/echo']];
for (const list of [
  [...base, ['transfer-encoding', 'chunked']], [...base, ['connection', 'close']], [...base, ['upgrade', 'x']], [...base, ['X-Upper', 'a']],
  [...base, ['host', 'deny.test']], [...base, [':path', '/x']], [...base, [':protocol', 'websocket']],
  [['x', 'y'], ...base], base.slice(1), base.slice(0, 3), [...base.slice(0, 3), [':path', '']], [...base.slice(0, 3), [':path', 'x']], [...base.slice(0, 3), [':path', '/a b']],
  [...base.slice(0, 3), [':path', '/a\\r\\nx: y']], [base[0], base[1], [':authority', 'x@allow.test:9443'], base[3]], [base[0], base[1], [':authority', 'allow.test:9443, deny.test'], base[3]],
  [[':method', 'CONNECT'], [':authority', 'deny.test:443']], [[':method', 'CONNECT'], [':protocol', 'websocket'], ...base.slice(1)], [[':method', 'GE T'], ...base.slice(1)],
  [...base, ['content-length', '5'], ['content-length', '6']], [...base, ['content-length', '5']], [base[0], [':scheme', 'http'], base[2], base[3]], [base[0], base[1], base[3]],
]) {
  const c = await open();
  await c.send(frame(HEADERS, 5, 1, Buffer.concat(list.map(([n, v]) => field(n, v)))));
  await c.wait(20_000, () => c.frames.some(({ type }) => type === HEADERS || type === RST)); await c.wait(50);
  const answer = c.frames.find(({ type }) => type === HEADERS);
  results.push(answer === undefined ? 'ended' : answer.payload.toString('latin1').includes('200') || answer.payload[0] === 0x88 ? 'served' : 'refused');
}
console.log(JSON.stringify(results));`);
  assert.ok(!(got as string[]).includes('served'), JSON.stringify(got));
  assert.equal(world.said.length, before_, JSON.stringify(world.said.slice(before_)));
  await unharmed(calm);
});

test('a field that HTTP/1.1 could not say is left out before it is judged (nghttp2), and so never reaches the server', async () => {
  const before_ = world.said.length;
  await attack(`const c = await open();
await c.send(head(1, [['x-odd', 'a\\r\\nx-evil: deny.test']]), head(3, [['x y', 'a']]));
await c.wait(20_000, () => c.answers() > 1); console.log(0);`);
  const raws = world.said.slice(before_).map((one) => JSON.stringify(one));
  assert.ok(raws.length === 2 && raws.every((text) => !/x-odd|x-evil|x y/.test(text)), raws.join());
});
