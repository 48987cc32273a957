import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ReadWorld, VALUE } from './read-world.ts';

// Node's own WebSocket in a compartment, through the real gateway, to a server that reflects what it was given in every way.

interface Said {
  readonly head?: string;
  readonly opcode?: number;
  readonly text?: string | number;
  readonly closed?: true;
}
const world = new ReadWorld<Said>();
before(() => world.begin('socket-origin.ts', { paths: ['/reflect', '/echo', '/lies', '/extension'] }));
after(() => world.stop());

/** Opens a WebSocket inside, runs code with `ws` and `out(x)`, ends when it closes. */
async function client(path: string, code: string, headers: object = {}): Promise<{ got: string[]; err: string }> {
  const given = JSON.stringify({ Authorization: `Bearer ${world.stand}`, ...headers });
  const program = `
const ws = new WebSocket('wss://allow.test:9443${path}', { headers: ${given} });
const stand = ${JSON.stringify(world.stand)};
const out = (text) => console.log(JSON.stringify(text));
ws.binaryType = 'arraybuffer';
ws.onclose = ({ code, reason }) => out('closed ' + code + ' ' + reason);
ws.onerror = () => out('error');
setTimeout(() => { out('late'); process.exit(); }, 40_000).unref();
${code}`;
  const { out, err } = await world.node(program);
  return {
    got: out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
    err,
  };
}

test('the server’s handshake has the value and no extension; text and binary come back without it, also across fragments', async () => {
  const { got, err } = await client(
    '/reflect',
    `let n = 0;
ws.onmessage = ({ data }) => {
  const bytes = typeof data === 'string' ? Buffer.from(data) : Buffer.from(data);
  out([bytes.length, bytes.includes(${JSON.stringify(VALUE.slice(0, 10))}), typeof data === 'string' ? data : bytes.toString('latin1', 150_000, 150_032)]);
  if (++n === 4) ws.close(1000, 'done');
};`,
  );
  const { head = '' } = await world.heard((one) => one.head?.startsWith('GET /reflect') ?? false);
  assert.match(head, new RegExp(`^authorization: Bearer ${VALUE}$`, 'm'));
  assert.match(head, /^upgrade: websocket$/m);
  assert.doesNotMatch(head, /extensions/i);
  assert.equal(got.length, 5, err + JSON.stringify(got));
  const [whole, pieces, large, held] = got as unknown as [number, boolean, string][];
  assert.deepEqual(whole?.slice(0, 2), [38, false]);
  assert.deepEqual(pieces?.slice(0, 2), [32, false]);
  assert.deepEqual(large?.slice(0, 2), [220_032, false]);
  assert.deepEqual(held?.slice(0, 2), [32, false]);
  assert.equal(whole?.[2], `whole ${pieces?.[2]}`, 'the placeholder’s like in its place');
  assert.equal(large?.[2], pieces?.[2]);
  assert.equal(got[4], 'closed 1000 done');
  assert.ok(!world.entries.some((entry) => JSON.stringify(entry).includes(VALUE)));
});

test('what a client sends arrives as it was, masked anew, in text and binary, however large', async () => {
  const { got } = await client(
    '/echo',
    `const big = Buffer.alloc(300_000, 'abcdefg');
let n = 0;
ws.onopen = () => { ws.send('hello'); ws.send(big); ws.send(''); };
ws.onmessage = ({ data }) => {
  if (n === 1) out(Buffer.from(data).equals(big)); else out(data);
  if (++n === 3) ws.close();
};`,
  );
  assert.deepEqual(got.slice(0, 3), ['hello', true, '']);
});

test('a placeholder in a message closes it with 1008, the server never sees it, and a person hears of it', async () => {
  const before = world.said.length;
  for (const message of ['stand', 'Buffer.from("x".repeat(70_000) + stand + "yy")']) {
    const { got } = await client('/echo', `ws.onopen = () => { ws.send('first'); ws.send(${message}); };`);
    assert.match(String(got.at(-1)), /^closed 1008 a placeholder stands/);
  }
  const sent = world.said.slice(before).map(({ text }) => String(text ?? ''));
  assert.ok(!sent.some((text) => text.includes(world.stand)));
  await world.heard(({ text }) => text === 'first');
  const misused = await world.recorded('secret.misused', ({ path }) => path === '/echo');
  assert.equal(misused.method, 'GET');
  assert.ok(world.findings.length > 0);
});

test('a handshake that is answered wrongly, or with an extension nobody asked for, is not passed on', async () => {
  for (const path of ['/lies', '/extension']) assert.match(String((await client(path, '')).got[0]), /^error/, path);
});

test('a handshake is judged like any request', async () => {
  const before = world.said.length;
  for (const [path, headers] of [
    ['/other', {}],
    ['/echo', { 'X-Other': world.stand }],
    ['/echo', { Authorization: 'Bearer of-somebody-else' }],
  ] as const)
    assert.equal((await client(path, '', headers)).got[0], 'error', path);
  assert.equal(world.said.slice(before).filter(({ head }) => head).length, 0);
});

/** Opens a WebSocket by hand for each, sends what is given in hexadecimal, and reads to the end. @returns what came, the head of the answer
 *  included */
async function raw(path: string, sent: readonly string[], fields: string = ''): Promise<Buffer[]> {
  const handshake = `GET ${path} HTTP/1.1\\r\\nHost: allow.test:9443\\r\\n${fields}Upgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\\r\\n\\r\\n`;
  const { out, err } = await world.python(
    'coder',
    `import ssl
c=ssl.create_default_context(cafile=${JSON.stringify(world.authority)})
for p in ${JSON.stringify(sent)}:
  s=c.wrap_socket(socket.create_connection(('allow.test',9443),timeout=20),server_hostname='allow.test')
  s.sendall(b'${handshake}')
  got=b''
  while b'\\r\\n\\r\\n' not in got: got+=s.recv(4096)
  s.sendall(bytes.fromhex(p))
  got+=heard(s)
  print(got.hex())
  s.close()`,
  );
  assert.equal(err, '');
  return out
    .trim()
    .split('\n')
    .map((line) => Buffer.from(line, 'hex'));
}
/** Masked by four zeros, so that it stands there as it is. */
const masked = (opcode: number, payload: Buffer): string =>
  Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload]).toString('hex');
/** A message in fragments, of text. */
const fragments = (...parts: readonly Buffer[]): string =>
  parts
    .map((part, i) => masked(i === 0 ? 1 : 0, part).replace(/^8/, i === parts.length - 1 ? '8' : '0'))
    .join(masked(9, Buffer.from('between')));
const CLOSING = Buffer.from([0x03, 0xe8]); // 1000

test('nothing of the value is in the head of the answer or in a ping, where stars stand that the client may send back', async () => {
  const [came = Buffer.alloc(0)] = await raw(
    '/reflect',
    [masked(8, CLOSING)],
    `Authorization: Bearer ${world.stand}\\r\\n`,
  );
  assert.ok(!came.includes(VALUE.slice(0, 10)));
  const head = came.toString('latin1', 0, came.indexOf('\r\n\r\n'));
  assert.match(head, /^HTTP\/1\.1 101 \S{32}\r\n[\s\S]*^x-auth: \S{32}$/im);
  assert.ok(came.includes(Buffer.concat([Buffer.from([0x89, 32]), Buffer.alloc(32, '*')])));
});

test('a placeholder in fragments, in a ping or in the reason of a close is refused too, and the server never sees it', async () => {
  const before = world.said.length;
  const payload = Buffer.from(world.stand);
  const byByte = [...payload].map((byte) => Buffer.from([byte]));
  const tries = [
    fragments(payload.subarray(0, 9), payload.subarray(9)),
    fragments(Buffer.from('before'), ...byByte, Buffer.from('after')),
    masked(9, payload),
    masked(8, Buffer.concat([CLOSING, payload])),
  ];
  for (const got of await raw('/echo', tries))
    assert.ok(got.includes(Buffer.from([0x03, 0xf0])) && got.includes('a placeholder stands'), got.toString('latin1')); // 1008
  await world.heard(({ closed }) => closed === true);
  const seen = world.said.slice(before);
  assert.ok(!JSON.stringify(seen).includes(world.stand));
  const texts = seen.flatMap(({ opcode, text }) => (opcode !== undefined && opcode < 2 ? [String(text)] : []));
  assert.ok(!texts.join('').includes(world.stand.slice(0, 2)), texts.join('|'));
});

test('malformed frames end it with 1002: unmasked, reserved bits, a message inside a message, an overlong length', async () => {
  const frames = [
    '81020000',
    'c18000000000',
    '018000000000818000000000',
    '81fe000100000000',
    '8f8000000000',
    '89fe007e00000000',
  ];
  // an empty first fragment may come back before
  for (const [i, got] of (await raw('/echo', frames)).entries())
    assert.ok(
      got
        .subarray(got.indexOf('\r\n\r\n') + 4)
        .subarray(0, 12)
        .includes(Buffer.from([0x03, 0xea])),
      frames[i],
    );
});
