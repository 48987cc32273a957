import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { World } from './world.ts';

const world = new World();
/** A client that never finishes its head, beside all other tests: the seconds it was borne with. */
let slow: ReturnType<World['python']>;
before(async () => {
  await world.start({ 'allow.test': '203.0.113.10', 'deny.test': '203.0.113.11' });
  await world.policy({ coder: [80, 8080].map((port) => ({ host: 'allow.test', port })) });
  await world.agent('coder');
  slow = world.python(
    'coder',
    `s=socket.create_connection(('allow.test',80),timeout=30); t=time.time(); s.sendall(b'GET / HTTP/1.1\\r\\n')
try:
  while True: s.sendall(b'X: y\\r\\n'); time.sleep(0.3)
except OSError: print(round(time.time()-t))`,
  );
});
after(() => world.stop());

/** Each connection that was allowed ends, and its server says then what it saw; what comes after that is given a moment. */
const settled = async (): Promise<unknown> =>
  world.counted(() => world.seen.length, world.events('egress.allowed').length, 120);

/** Sends raw requests to allow.test and gives back the answer and what the server saw of them. */
async function exchange(port: number, ...pieces: readonly string[]): Promise<{ answer: string; seen: string[] }> {
  const before = world.seen.length;
  const answer = (await world.raw('coder', 'allow.test', port, ...pieces)).toString('latin1');
  await settled();
  return {
    answer,
    seen: world.seen
      .slice(before)
      .filter((one) => one.port === port)
      .map((one) => one.seen),
  };
}

test('a request is written anew for the server it was judged for', async () => {
  const { answer, seen } = await exchange(80, 'GET /x HTTP/1.1\r\nHOST: Allow.test\r\nConnection: keep-alive\r\n\r\n');
  assert.match(answer, /^HTTP\/1\.1 200 OK/);
  assert.deepEqual(seen, ['GET /x HTTP/1.1\r\nhost: allow.test\r\nconnection: close\r\n\r\n']);
  const allowed = await world.recorded('egress.allowed', (entry) => entry.port === 80);
  assert.equal(allowed.method, 'GET');
});

test('a Host that disagrees is refused and explained', async () => {
  for (const host of [
    'deny.test',
    'allow.test:81',
    'allow.test@deny.test',
    'deny.test#allow.test',
    'allow.test%2edeny.test',
    '203.0.113.11',
  ]) {
    const { answer, seen } = await exchange(80, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 403 /, host);
    assert.equal(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))).denied, 'allow.test:80');
    assert.deepEqual(seen, [], host);
  }
  await world.recorded('egress.denied', (entry) => /the Host is not allow.test:80/.test(String(entry.why)));
});

test('a target that disagrees with where it goes is refused', async () => {
  const { answer, seen } = await exchange(80, 'GET http://deny.test/ HTTP/1.1\r\nHost: allow.test\r\n\r\n');
  assert.match(answer, /^HTTP\/1\.1 403 /);
  assert.deepEqual(seen, []);
});

const SECOND = 'GET /second HTTP/1.1\r\nHost: deny.test\r\n\r\n';
const smuggled: Readonly<Record<string, readonly string[]>> = {
  'a pipelined request': [`GET / HTTP/1.1\r\nHost: allow.test\r\n\r\n${SECOND}`],
  'a request sent a moment later': ['GET / HTTP/1.1\r\nHost: allow.test\r\nX-Hold: 1\r\n\r\n', SECOND],
  'a request behind a body': [`POST / HTTP/1.1\r\nHost: allow.test\r\nContent-Length: 5\r\n\r\nhello${SECOND}`],
  'a request behind chunks': [
    `POST / HTTP/1.1\r\nHost: allow.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n${SECOND}`,
  ],
  'CL.TE': [
    `POST / HTTP/1.1\r\nHost: allow.test\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SECOND}`,
  ],
  'TE.CL': [
    `POST / HTTP/1.1\r\nHost: allow.test\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n2b\r\n${SECOND}\r\n0\r\n\r\n`,
  ],
  'TE.TE with xchunked': [
    `POST / HTTP/1.1\r\nHost: allow.test\r\nTransfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n${SECOND}`,
  ],
  'a folded Transfer-Encoding': [
    `POST / HTTP/1.1\r\nHost: allow.test\r\nTransfer-Encoding:\r\n chunked\r\nContent-Length: 0\r\n\r\n${SECOND}`,
  ],
  'a bare LF before the end': [`GET / HTTP/1.1\r\nHost: allow.test\n\n${SECOND}`],
  'a bare LF in a chunk size': [
    `POST / HTTP/1.1\r\nHost: allow.test\r\nTransfer-Encoding: chunked\r\n\r\n0\n\n${SECOND}`,
  ],
  'an upgrade': ['GET / HTTP/1.1\r\nHost: allow.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n', SECOND],
  'an HTTP/2 preface': [`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${SECOND}`],
  'CONNECT through the server': [`CONNECT deny.test:80 HTTP/1.1\r\nHost: allow.test\r\n\r\n`, SECOND],
  'two Hosts': ['GET /second HTTP/1.1\r\nHost: allow.test\r\nHost: deny.test\r\n\r\n'],
};
for (const [what, pieces] of Object.entries(smuggled)) {
  test(`${what} carries nothing past the first, judged request`, async () => {
    const exchanged = await Promise.all([80, 8080].map((port) => exchange(port, ...pieces)));
    for (const { seen } of exchanged) {
      assert.ok(seen.length <= 1, `${seen.length} connections`);
      for (const text of seen) {
        assert.doesNotMatch(text, /second|deny\.test|upgrade|PRI /i);
        assert.match(text, /^(?:GET|POST) \/ HTTP\/1\.1\r\nhost: allow\.test(?::8080)?\r\n/);
      }
    }
  });
}

test('what was malformed is on record', async () => {
  await world.recorded('egress.denied', (entry) => /length of the body is given twice/.test(String(entry.why)));
  await world.recorded('egress.denied', (entry) => /does not end in CR LF/.test(String(entry.why)));
});

test('bodies arrive whole, by length and in chunks', async () => {
  const sized = await world.run(
    'coder',
    ['curl', '-sS', '-m', '30', '--data-binary', '@-', 'http://allow.test/'],
    'x'.repeat(300_000),
  );
  assert.equal(sized.out, 'hello from 203.0.113.10:80\n', sized.err);
  const chunked = await world.run(
    'coder',
    ['curl', '-sS', '-m', '30', '-H', 'Transfer-Encoding: chunked', '--data-binary', '@-', 'http://allow.test:8080/'],
    'y'.repeat(300_000),
  );
  assert.equal(chunked.out, 'hello from 203.0.113.10:8080\n', chunked.err);
  await settled();
  assert.equal(world.seen.at(-1)?.seen.split('\r\n\r\n')[1]?.match(/y/g)?.length, 300_000);
});

test('a head that never ends is cut off', async () => {
  const { out } = await slow;
  assert.ok(Number(out) >= 9 && Number(out) <= 20, out); // it was sent something three times a second for 10 s
});
