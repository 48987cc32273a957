import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { generateX25519Identity } from 'age-encryption';
import fc from 'fast-check';
import { sealed } from '../../src/programs/cli/seal.ts';
import { FUZZ } from '../protocol/seed.ts';
import { listenTo } from './said.ts';
import { World } from './world.ts';

// Bytes that two parsers read differently, on a connection that carries a secret. The server says which requests it saw.

const VALUE = 'real-value-0123456789-abcdefghij';
const FAR = '203.0.113.10';
/** Where nothing goes but what the last test sends: what the others sent may arrive late at the server and in the record. */
const QUIET = 9444;
const world = new World();
const requests: { head: string; body: string }[] = [];
let stand = '';

before(async () => {
  world.identity = await generateX25519Identity();
  await world.start({ 'allow.test': FAR });
  world.onQuestion = ({ id }) => world.warden.reply({ id, ok: {} });
  const secret = { variable: 'KEY', secret: 'api', host: 'allow.test', port: 9443, in: ['bearer'], paths: ['/echo'] };
  const secrets = [secret, { ...secret, variable: 'QUIET', port: QUIET }];
  const egress = [9443, QUIET].map((port) => ({ host: 'allow.test', port }));
  const agent = { name: 'coder', egress, grants: [], secrets };
  await world.warden.call('policy', { roots: [readFileSync(join(world.dir, 'cert.pem'), 'utf8')], agents: [agent] });
  const { recipient } = (await world.warden.call('secrets.recipient')) as { recipient: string };
  await world.warden.call('secrets.set', {
    name: 'api',
    sealed: Buffer.from(await sealed(VALUE, recipient)).toString('base64'),
  });
  stand = ((await world.warden.call('secrets.placeholders', { agent: 'coder' })) as { KEY: string }).KEY;
  const { certificate } = (await world.warden.call('secrets.authority')) as { certificate: string };
  writeFileSync(join(world.dir, 'authority.pem'), certificate, { mode: 0o644 });
  await world.agent('coder');
  const files = [join(world.dir, 'key.pem'), join(world.dir, 'cert.pem')];
  const program = fileURLToPath(new URL('scripted-origin.ts', import.meta.url));
  const origin = world.outsideBackground([process.execPath, program, FAR, '9443', ...files]);
  await listenTo(origin, (one) => requests.push(one));
});
after(async () => {
  if (world.log.length > 0) console.log(world.log.join(''));
  await world.stop();
});

/** Sends each over a connection of its own, one after the other, from inside.
 *  @param least  so many answers are waited for; whether there are more, for a moment only
 *  @returns the status lines of what came back to each */
async function send(
  all: readonly string[],
  { port = 9443, least = all.map(() => 1) }: { port?: number; least?: readonly number[] } = {},
): Promise<string[][]> {
  const code = `
import ssl,json,re
c=ssl.create_default_context(cafile=${JSON.stringify(join(world.dir, 'authority.pem'))})
for p,least in json.load(sys.stdin):
  out=b''
  lines=lambda: re.findall(r'HTTP/1\\.1 [0-9]{3}',out.decode('latin1'))
  try:
    s=c.wrap_socket(socket.create_connection(('allow.test',${port}),timeout=20),server_hostname='allow.test')
    s.sendall(bytes.fromhex(p))
    while True:
      s.settimeout(20 if len(lines())<least else 0.35)
      d=s.recv(65536)
      if not d: break
      out+=d
  except OSError: pass
  s.close()
  print(json.dumps(lines()))`;
  const input = JSON.stringify(all.map((text, i) => [Buffer.from(text, 'latin1').toString('hex'), least[i]]));
  const { out, err } = await world.run('coder', ['/usr/bin/python3', '-c', `import socket,sys\n${code}`], input);
  assert.equal(err, '');
  return out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** What the server may have seen at all: heads as the gateway writes them, to where they were judged. */
function mustBeOurs(seen: readonly { head: string; body: string }[]): void {
  for (const { head, body } of seen) {
    assert.match(head, /^[!-~]+ \/[!-~]* HTTP\/1\.1\r\nhost: allow\.test:9443\r\n/, head);
    if (head.includes(VALUE))
      assert.match(head, new RegExp(`^[!-~]+ /echo(?:\\?\\S*)? [^]*\\r\\nauthorization: Bearer ${VALUE}(?:\\r\\n|$)`));
    assert.ok(!body.includes(VALUE) && !body.includes(stand));
  }
}

const HOST = 'Host: allow.test:9443\r\n';
const auth = (): string => `Authorization: Bearer ${stand}\r\n`;
const second = (): string => `GET /smuggled HTTP/1.1\r\n${HOST}${auth()}\r\n`;

test('what two parsers read differently is refused, and no second request hides in a first', async () => {
  const body = (lines: string, text: string): string => `POST /echo HTTP/1.1\r\n${HOST}${auth()}${lines}\r\n${text}`;
  const hostile = [
    body('Content-Length: 6\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${second()}`),
    body('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', `5c\r\n${second()}0\r\n\r\n`),
    body('Content-Length: 5\r\nContent-Length: 6\r\n', `hello${second()}`),
    body('Content-Length: 5, 5\r\n', `hello${second()}`),
    body('Content-Length: +5\r\n', `hello${second()}`),
    body('Transfer-Encoding: xchunked\r\n', `0\r\n\r\n${second()}`),
    body('Transfer-Encoding : chunked\r\n', `0\r\n\r\n${second()}`),
    body('Transfer-Encoding:\x0bchunked\r\n', `0\r\n\r\n${second()}`),
    body('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', `0\r\n\r\n${second()}`),
    body('X: a\r\n Content-Length: 0\r\n', second()),
    body('X: a\nContent-Length: 0\r\n', second()),
    body('X: a\rTransfer-Encoding: chunked\r\n', second()),
    body('Connection: content-length\r\nContent-Length: 5\r\n', 'hello'),
    `GET /echo HTTP/1.1\r\n${HOST}Host: deny.test\r\n${auth()}\r\n`,
    `GET /echo HTTP/1.1\r\nHost: deny.test\r\n${auth()}\r\n`,
    `GET https://deny.test/smuggled HTTP/1.1\r\n${HOST}${auth()}\r\n`,
    `GET http://allow.test:9443/echo HTTP/1.1\r\n${HOST}${auth()}\r\n`,
    `CONNECT deny.test:443 HTTP/1.1\r\n${HOST}${auth()}\r\n`,
    `GET /echo HTTP/1.0\r\n${HOST}${auth()}\r\n`,
    `GET  /echo HTTP/1.1\r\n${HOST}${auth()}\r\n`,
    `GET /echo\tHTTP/1.1\r\n${HOST}${auth()}\r\n`,
    `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
  ];
  const before = requests.length;
  const answers = await send(hostile);
  for (const [i, lines] of answers.entries())
    assert.ok(
      lines.length === 1 && /[45]\d\d$/.test(lines[0] ?? ''),
      `${JSON.stringify(hostile[i]?.slice(0, 120))}: ${lines}`,
    );
  assert.equal(requests.length, before, 'the server saw none of them');
});

test('what is framed rightly passes: chunks with extensions, two requests in one write, an upgrade as an ordinary request', async () => {
  const fine = [
    `POST /echo HTTP/1.1\r\n${HOST}${auth()}Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nTrailer: z\r\n\r\n`,
    `GET /echo HTTP/1.1\r\n${HOST}${auth()}\r\nGET /echo HTTP/1.1\r\n${HOST}${auth()}\r\n`,
    `GET /echo HTTP/1.1\r\n${HOST}${auth()}Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAM\r\n\r\n`,
  ];
  const before = requests.length;
  assert.deepEqual(
    (await send(fine, { least: [1, 2, 1] })).map((lines) => lines.length),
    [1, 2, 1],
  );
  const seen = requests.slice(before);
  assert.equal(seen.length, 4);
  mustBeOurs(seen);
  assert.ok(seen.every(({ head }) => !/upgrade|http2|trailer/i.test(head)));
});

test('a second request in the same write is judged by itself', async () => {
  const before = requests.length;
  const [lines] = await send([`GET /echo HTTP/1.1\r\n${HOST}${auth()}\r\n${second()}`], { least: [2] });
  assert.deepEqual(lines, ['HTTP/1.1 200', 'HTTP/1.1 403']);
  assert.equal(requests.length, before + 1);
  mustBeOurs(requests.slice(before));
});

test('mutilated requests: the secret reaches the server at its place and path or not at all, and the gateway goes on', async () => {
  const base = `POST /echo HTTP/1.1\r\n${HOST}${auth()}Content-Length: 5\r\n\r\nhello${second()}`;
  const odd = [
    '\r',
    '\n',
    '\0',
    ' ',
    '\t',
    ':',
    'Content-Length: 0\r\n',
    'Transfer-Encoding: chunked\r\n',
    '\r\n\r\n',
    'Host: x\r\n',
    '%2e',
    '/../',
    'é',
  ];
  const cut = fc.record({ at: fc.nat(base.length), drop: fc.nat(12), put: fc.constantFrom('', ...odd) });
  const runs = Math.max(150, Math.round(FUZZ.numRuns / 10));
  const mutilated = fc
    .sample(fc.array(cut, { minLength: 1, maxLength: 3 }), { seed: FUZZ.seed, numRuns: runs })
    .map((cuts) => cuts.reduce((text, { at, drop, put }) => text.slice(0, at) + put + text.slice(at + drop), base));
  const before = requests.length;
  await send(mutilated, { least: mutilated.map(() => 0) });
  mustBeOurs(requests.slice(before));
  assert.equal(world.gateway.exitCode, null);
  const [lines] = await send([`GET /echo HTTP/1.1\r\n${HOST}${auth()}\r\n`]);
  assert.deepEqual(lines, ['HTTP/1.1 200']);
});

test('what is neither TLS nor HTTP gets no connection there, however it begins and however long it waits', async () => {
  const server = world.outsideBackground([process.execPath, '-e', COUNTING]);
  let connections = '';
  await new Promise<void>((resolve, reject) => {
    server.once('close', () => reject(new Error('the server ended')));
    server.stdout?.on('data', (text) => {
      if (String(text).includes('ready')) resolve();
      else connections += text;
    });
  });
  const refused = (): number => world.events('egress.denied').filter(({ port }) => port === QUIET).length;
  // A ClientHello in the form of SSL 2, which servers may still take.
  const old = Buffer.concat([Buffer.from('802e0103010015000000100000', 'hex'), Buffer.alloc(35, 1)]);
  for (const bytes of [old, Buffer.from('SSH-2.0-x\r\n'), Buffer.from([0, 0, 0, 0])]) {
    const before = refused();
    assert.equal((await world.raw('coder', 'allow.test', QUIET, bytes)).length, 0);
    await world.recorded(
      'egress.denied',
      ({ why, port }) => port === QUIET && why === 'neither TLS nor HTTP where requests are read' && refused() > before,
    );
    assert.equal(refused(), before + 1);
  }
  const waited = `import time\ns=socket.create_connection(('allow.test',${QUIET}),timeout=20)\ntime.sleep(0.6)\ns.sendall(b'SSH-2.0-x\\r\\n')\ntry: print(len(s.recv(10)))\nexcept OSError: print(0)`;
  assert.equal((await world.python('coder', waited)).out.trim(), '0');
  // One that is HTTP after all comes behind them, and alone.
  const [lines] = await send([`GET /echo HTTP/1.1\r\nHost: allow.test:${QUIET}\r\n\r\n`], { port: QUIET });
  assert.deepEqual(lines, ['HTTP/1.1 502']);
  await world.counted(() => connections.length, 'one\n'.length);
  assert.equal(connections, 'one\n');
});

/** Says of each connection that it came, and ends it. */
const COUNTING = `
const server = require('node:net').createServer((socket) => {
  socket.on('error', () => {});
  socket.destroy();
  process.stdout.write('one\\n');
});
server.listen(${QUIET}, '${FAR}', () => process.stdout.write('ready\\n'));`;
