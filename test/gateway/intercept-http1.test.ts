import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ReadWorld, VALUE } from './read-world.ts';

// The rest of HTTP/1.1 on a connection that is read: trailers, interim answers, codings nobody asked for.

const world = new ReadWorld<{ head: string; body: string }>();
before(() => world.begin('scripted-origin.ts'));
after(() => world.stop());
const URL_ = 'https://allow.test:9443';
const bearer = (): string[] => ['-H', `Authorization: Bearer ${world.stand}`];

const HEAD = 'Host: allow.test:9443\r\nTransfer-Encoding: chunked\r\n';

test('trailers pass in both directions, those of an answer without the value', async () => {
  const auth = `Authorization: Bearer ${world.stand}\r\n`;
  const out = await world.send(
    `POST /chunks HTTP/1.1\r\n${HEAD}${auth}TE: trailers\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 42\r\nContent-Length: 7\r\nHost: deny.test\r\n\r\n`,
  );
  const { head, body } = world.said.at(-1) ?? { head: '', body: '' };
  assert.match(body, /\r\n0\r\nx-sum: 42\r\n\r\n$/, 'what frames or routes a message stays behind');
  assert.match(head, /^te: trailers\r\nconnection: te$/m);
  assert.match(out, /\r\n0\r\nx-trailer: Bearer \S{32}\r\n\r\n$/);
  assert.ok(!out.includes(VALUE.slice(0, 10)), out);
});

test('a value does not come back in the name of a field either: of an interim answer, of the head, of a trailer', async () => {
  const out = await world.send(
    `GET /named HTTP/1.1\r\nHost: allow.test:9443\r\nAuthorization: Bearer ${world.stand}\r\nTE: trailers\r\n\r\n`,
  );
  assert.match(world.said.at(-1)?.head ?? '', new RegExp(`^authorization: Bearer ${VALUE}$`, 'm'));
  assert.match(out, /^HTTP\/1\.1 103 Early\r\nx-\S{32}: 1\r\n\r\nHTTP\/1\.1 200 OK\r\n\S{32}: 1\r\n/);
  assert.match(out, /\r\n0\r\nx-\S{32}-x: 1\r\n\r\n$/);
  assert.ok(!out.toLowerCase().includes(VALUE.slice(0, 10).toLowerCase()), out);
});

test('a placeholder in a trailer is refused, as it is, percent-coded or in Basic, and so is a key of somebody else in a bound field; a malformed trailer too; the server has no whole request', async () => {
  const before = world.said.length;
  const coded = `%${world.stand.charCodeAt(0).toString(16)}${world.stand.slice(1)}`;
  const basic = Buffer.from(`u:${world.stand}`).toString('base64');
  for (const line of [`X-T: ${world.stand}`, `X-T: a${coded}`, `X-T: Basic ${basic}`, 'Authorization: Bearer x']) {
    const out = await world.send(`POST /body HTTP/1.1\r\n${HEAD}\r\n1\r\na\r\n0\r\n${line}\r\n\r\n`);
    assert.match(out, /^HTTP\/1\.1 403 [\s\S]*a placeholder stands/, line);
  }
  for (const line of ['no colon', 'x : y', ' folded: x'])
    assert.match(
      await world.send(`POST /body HTTP/1.1\r\n${HEAD}\r\n0\r\n${line}\r\n\r\n`),
      /^HTTP\/1\.1 502 [\s\S]*malformed trailer/,
    );
  assert.equal(world.said.length, before);
});

test('who waits for 100 is judged first: refused without it, told to go on by the server, or answered by it instead', async () => {
  const ask = (path: string, more = ''): string =>
    `POST ${path} HTTP/1.1\r\nHost: allow.test:9443\r\nContent-Length: 5\r\nExpect: 100-continue\r\n${more}\r\n`;
  const refused = await world.send(ask('/continue', 'Authorization: Bearer of-somebody-else\r\n'), 'hello');
  assert.match(refused, /^HTTP\/1\.1 403 /);
  assert.doesNotMatch(refused, / 100 /);
  assert.match(
    await world.send(ask('/continue'), 'hello'),
    /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK[\s\S]*\r\n\r\n5$/,
  );
  const instead = await world.send(ask('/teapot').replace('Content-Length: 5', 'Content-Length: 0'));
  assert.match(instead, /^HTTP\/1\.1 417 No\r\n[\s\S]*no$/);
});

test('what comes compressed although it was not to be is passed on as it was before, without the value', async () => {
  for (const coding of ['gzip', 'deflate', 'br']) {
    const { out, err } = await world.trusting('-i', ...bearer(), '-H', 'Accept-Encoding: gzip', `${URL_}/${coding}`);
    assert.match(out, /\r\n\r\nsaid Bearer \S{32}$/, coding + err);
    assert.ok(!out.includes(VALUE.slice(0, 10)));
    assert.doesNotMatch(out, /content-encoding|content-length/i);
    assert.match(world.said.at(-1)?.head ?? '', /^accept-encoding: identity$/m);
  }
  const { status, out } = await world.trusting('-o', '/dev/null', '-w', '%{size_download}', `${URL_}/bomb`);
  assert.ok(status !== 0 && Number(out) <= 66 << 20, `${status} ${out}`);
});

test('a request after another on one connection is answered although the first had trailers', async () => {
  const out = await world.send(
    `POST /body HTTP/1.1\r\n${HEAD}\r\n0\r\nX-Sum: 1\r\n\r\nGET /echo HTTP/1.1\r\nHost: allow.test:9443\r\n\r\n`,
  );
  assert.equal(out.match(/HTTP\/1\.1 200/g)?.length, 2, out);
});

test('clients inside get no session to resume: it would cost more than it saves', async () => {
  const code = `
import ssl
c=ssl.create_default_context(cafile=${JSON.stringify(world.authority)})
s=c.wrap_socket(socket.create_connection(('allow.test',9443),timeout=5),server_hostname='allow.test')
s.sendall(b'GET /none HTTP/1.1\\r\\nHost: allow.test:9443\\r\\nConnection: close\\r\\n\\r\\n')
try:
  while s.recv(65536): pass
except OSError: pass
print(s.version(), s.session.has_ticket)`;
  const { out, err } = await world.python('coder', code);
  assert.equal(err, '');
  assert.equal(out.trim(), 'TLSv1.3 False');
});
