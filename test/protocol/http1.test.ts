import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { type BodyReader, ChunkedBody, FixedBody } from '../../src/protocol/chunked.ts';
import {
  looksLikeHttp,
  onlyHost,
  type RequestHead,
  readRequestHead,
  requestFraming,
  requestTarget,
  upstreamHead,
  withoutNamed,
} from '../../src/protocol/http1.ts';
import { FUZZ } from './seed.ts';

function head(text: string): RequestHead {
  const result = readRequestHead(Buffer.from(text, 'latin1'));
  assert.equal(result.kind, 'head', JSON.stringify(result));
  return (result as { head: RequestHead }).head;
}

test('a head is read, and what follows is not part of it', () => {
  const result = readRequestHead(Buffer.from('GET /a?b HTTP/1.1\r\nHost: allow.test\r\nX:  y \r\n\r\nrest'));
  assert.deepEqual(result, {
    kind: 'head',
    head: {
      method: 'GET',
      target: '/a?b',
      version: '1.1',
      headers: [
        ['host', 'allow.test'],
        ['x', 'y'],
      ],
    },
    length: 47,
  });
});

test('what parsers are known to read differently is refused', () => {
  const refused = {
    'bare LF between lines': 'GET / HTTP/1.1\nHost: a.test\n\n',
    'one bare LF': 'GET / HTTP/1.1\r\nHost: a.test\nX: y\r\n\r\n',
    'bare CR': 'GET / HTTP/1.1\r\nHost: a.test\rX: y\r\n\r\n',
    'a fragment': 'GET /a#/../b HTTP/1.1\r\nHost: a.test\r\n\r\n',
    'folded line': 'GET / HTTP/1.1\r\nHost: a.test\r\n deny.test\r\n\r\n',
    'space before the colon': 'GET / HTTP/1.1\r\nHost : a.test\r\n\r\n',
    'space before the first header': 'GET / HTTP/1.1\r\n Host: a.test\r\n\r\n',
    'no colon': 'GET / HTTP/1.1\r\nHost\r\n\r\n',
    'NUL in a value': 'GET / HTTP/1.1\r\nHost: a.test\0\r\n\r\n',
    'two spaces in the request line': 'GET  / HTTP/1.1\r\nHost: a.test\r\n\r\n',
    'tab in the request line': 'GET\t/ HTTP/1.1\r\nHost: a.test\r\n\r\n',
    'no version': 'GET /\r\nHost: a.test\r\n\r\n',
    'lower-case version': 'GET / http/1.1\r\nHost: a.test\r\n\r\n',
    'HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'HTTP/1.2': 'GET / HTTP/1.2\r\nHost: a.test\r\n\r\n',
    'empty first line': '\r\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n',
    'CR before the end': 'GET / HTTP/1.1\r\nHost: a.test\r\r\n\r\n',
    'colon alone': 'GET / HTTP/1.1\r\n: x\r\n\r\n',
  };
  for (const [what, text] of Object.entries(refused))
    assert.equal(readRequestHead(Buffer.from(text, 'latin1')).kind, 'bad', what);
});

test('too much of anything is refused', () => {
  const long = `GET / HTTP/1.1\r\nX: ${'y'.repeat(40_000)}`;
  assert.equal(readRequestHead(Buffer.from(long)).kind, 'bad');
  const many = `GET / HTTP/1.1\r\n${'x: y\r\n'.repeat(101)}\r\n`;
  assert.equal(readRequestHead(Buffer.from(many)).kind, 'bad');
});

test('a body has one length or the request is refused', () => {
  const framing = (lines: string, version: string = '1.1') =>
    requestFraming(head(`POST / HTTP/${version}\r\n${lines}\r\n`));
  assert.deepEqual(framing(''), { kind: 'none' });
  assert.deepEqual(framing('Content-Length: 12\r\n'), { kind: 'length', length: 12 });
  assert.deepEqual(framing('Transfer-Encoding: Chunked\r\n'), { kind: 'chunked' });
  const refused = {
    'CL.TE': 'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n',
    'TE.CL': 'Transfer-Encoding: chunked\r\nContent-Length: 4\r\n',
    'two lengths': 'Content-Length: 4\r\nContent-Length: 5\r\n',
    'the same length twice': 'Content-Length: 4\r\nContent-Length: 4\r\n',
    'a list of lengths': 'Content-Length: 4, 4\r\n',
    'a sign': 'Content-Length: +4\r\n',
    hexadecimal: 'Content-Length: 0x4\r\n',
    'no number': 'Content-Length: \r\n',
    'an endless number': `Content-Length: ${'9'.repeat(30)}\r\n`,
    xchunked: 'Transfer-Encoding: xchunked\r\n',
    'chunked last of two': 'Transfer-Encoding: gzip, chunked\r\n',
    'chunked first of two': 'Transfer-Encoding: chunked, identity\r\n',
    'two codings': 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n',
    identity: 'Transfer-Encoding: identity\r\n',
    'a quoted coding': 'Transfer-Encoding: "chunked"\r\n',
  };
  for (const [what, lines] of Object.entries(refused)) assert.equal(framing(lines).kind, 'bad', what);
  assert.equal(framing('Transfer-Encoding: chunked\r\n', '1.0').kind, 'bad');
});

test('a target is a path, an http: URL, or an authority, and nothing between', () => {
  const target = (line: string) => {
    const [method = '', ...rest] = line.split(' ');
    return requestTarget({ method, target: rest.join(' '), version: '1.1', headers: [] });
  };
  assert.deepEqual(target('GET /x?y'), { kind: 'origin', path: '/x?y' });
  assert.equal(target('OPTIONS *').kind, 'origin');
  assert.equal(target('GET *').kind, 'bad');
  const absolute = target('GET HTTP://Allow.test:8080?q');
  assert.ok(absolute.kind === 'absolute' && absolute.authority.port === 8080 && absolute.path === '/?q');
  for (const raw of [
    'http://allow.test@deny.test/',
    'http://deny.test#allow.test',
    'http:///x',
    'http://a.test\\@b.test/',
  ]) {
    const read = target(`GET ${raw}`);
    assert.ok(read.kind === 'bad' || (read.kind === 'absolute' && read.authority.host.kind === 'bad'), raw);
  }
  for (const raw of ['https://a.test/', 'ftp://a.test/', 'a.test/', 'http:/a.test/', 'x'])
    assert.equal(target(`GET ${raw}`).kind, 'bad', raw);
  assert.equal(target('CONNECT a.test:443').kind, 'authority');
});

test('Host is there once', () => {
  assert.equal(onlyHost(head('GET / HTTP/1.1\r\n\r\n')), undefined);
  assert.equal(onlyHost(head('GET / HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n\r\n')), undefined);
  assert.equal(onlyHost(head('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'))?.host.kind, 'name');
});

test('what goes upstream is written anew: our Host, no hop-by-hop field, no upgrade', () => {
  const lines =
    'Host: A.test\r\nConnection: upgrade, X-Mine\r\nUpgrade: websocket\r\nHTTP2-Settings: x\r\nX-Mine: 1\r\nProxy-Authorization: x\r\nAccept: */*\r\n';
  const written = upstreamHead(head(`GET http://a.test/x HTTP/1.0\r\n${lines}\r\n`), '/x', 'a.test')?.toString();
  assert.equal(written, 'GET /x HTTP/1.1\r\nhost: a.test\r\naccept: */*\r\nconnection: close\r\n\r\n');
  for (const field of ['host', 'Content-Length', 'transfer-encoding'])
    assert.equal(
      upstreamHead(head(`GET / HTTP/1.1\r\nConnection: close, ${field}\r\n\r\n`), '/', 'a.test'),
      undefined,
      field,
    );
});

test('what Connection names is not there when a request is judged, but for what says how it goes on; it names nothing that frames', () => {
  const named = withoutNamed(
    head('GET / HTTP/1.1\r\nConnection: X-Mine, upgrade\r\nUpgrade: websocket\r\nX-Mine: 1\r\n\r\n'),
  );
  assert.deepEqual(named?.headers, [['upgrade', 'websocket']]);
  for (const field of ['Host', 'content-length', 'Transfer-Encoding'])
    assert.equal(withoutNamed(head(`GET / HTTP/1.1\r\nConnection: x, ${field}\r\n\r\n`)), undefined, field);
});

test('chunks are written anew, cut anywhere, and end where they end', () => {
  const body = Buffer.from('5;ext="a;b"\r\nhello\r\nA \t;x\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nGET /second');
  for (let cut = 0; cut <= body.length; cut++) {
    const reader = new ChunkedBody();
    const parts = [reader.push(body.subarray(0, cut))];
    if (!parts[0]?.done) parts.push(reader.push(body.subarray(cut)));
    const sent = Buffer.concat(parts.flatMap((part) => part.forward)).toString();
    assert.equal(sent, '5\r\nhello\r\na\r\n0123456789\r\n0\r\n\r\n', `cut at ${cut}`);
    assert.equal(parts.at(-1)?.done, true);
  }
});

test('malformed chunks are refused', () => {
  const refused = [
    '5\nhello\r\n',
    '-5\r\n',
    '0x5\r\n',
    '5 5\r\n',
    '\r\n',
    'g\r\n',
    '5\r\nhelloX\r\n',
    '5\r\nhello!\r\n',
    ' 5\r\n',
    '5\r\r\n',
    '5;a\rb\r\n',
  ];
  for (const text of [...refused, '1234567890123\r\n', `5;${'x'.repeat(5000)}`, `0\r\n${'a: b\r\n'.repeat(100)}`])
    assert.throws(() => new ChunkedBody().push(Buffer.from(text)), RangeError, JSON.stringify(text.slice(0, 40)));
});

/** What Node's own parser (llhttp, another code base) makes of bytes: the requests it sees. */
function requestsSeen(bytes: Buffer): Promise<{ host: string | undefined; method: string; body: string }[]> {
  return new Promise((resolve) => {
    const seen: { host: string | undefined; method: string; body: string }[] = [];
    const server = createServer(async (request, response) => {
      let body = '';
      try {
        for await (const chunk of request) body += chunk;
      } catch {
        body = 'cut off';
      }
      seen.push({ host: request.headers.host, method: request.method ?? '', body });
      response.end();
    });
    server.on('clientError', (_, socket) => socket.destroy());
    const wire = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    wire.on('error', () => {});
    server.emit('connection', wire);
    wire.push(bytes);
    setImmediate(() =>
      setImmediate(() =>
        setImmediate(() => {
          wire.destroy();
          resolve(seen);
        }),
      ),
    );
  });
}

test('whatever is forwarded, another parser sees one request, to the host that was judged', async () => {
  const word = fc.constantFrom(
    'Host',
    'host',
    'Content-Length',
    'Transfer-Encoding',
    'Connection',
    'X',
    'Expect',
    'Upgrade',
    'Trailer',
    'Hos t',
  );
  const value = fc.constantFrom(
    'allow.test',
    'deny.test',
    '0',
    '5',
    '50',
    'chunked',
    'xchunked',
    'close',
    'host',
    'é',
    '',
    'a, b',
    'a\rb',
    'websocket',
  );
  const between = fc.constantFrom(': ', ':', ' : ', ':\t', ':\n ', ':\0');
  const end = fc.oneof(
    { weight: 12, arbitrary: fc.constant('\r\n') },
    { weight: 1, arbitrary: fc.constantFrom('\n', '\r', '\r\n ', '\r\r\n', '') },
  );
  const line = fc.tuple(word, between, value, end).map((parts) => parts.join(''));
  const first = fc.constantFrom(
    'GET / HTTP/1.1\r\n',
    'POST /x HTTP/1.1\r\n',
    'POST /x HTTP/1.0\r\n',
    'GET http://allow.test/ HTTP/1.1\r\n',
    'PUT /\tx HTTP/1.1\r\n',
  );
  const tail = fc.constantFrom(
    '',
    '5\r\nhello\r\n0\r\n\r\n',
    'hello',
    '0\r\n\r\n',
    'GET /second HTTP/1.1\r\nHost: deny.test\r\n\r\n',
    '5;x\r\nhello\r\n0\r\nHost: x\r\n\r\nPOST /second HTTP/1.1\r\nHost: deny.test\r\n\r\n',
  );
  const message = fc
    .tuple(first, fc.constantFrom('Host: allow.test\r\n', ''), fc.array(line, { maxLength: 4 }), tail)
    .map(([a, host, b, c]) => `${a}${host}${b.join('')}\r\n${c}`);
  let forwarded = 0;
  await fc.assert(
    fc.asyncProperty(message, async (text) => {
      const bytes = Buffer.from(text, 'latin1');
      const result = readRequestHead(bytes);
      if (result.kind !== 'head' || onlyHost(result.head) === undefined) return;
      const target = requestTarget(result.head);
      const framing = requestFraming(result.head);
      if ((target.kind !== 'origin' && target.kind !== 'absolute') || framing.kind === 'bad') return;
      const start = upstreamHead(result.head, target.path, 'allow.test');
      if (start === undefined) return;
      const body: BodyReader =
        framing.kind === 'chunked' ? new ChunkedBody() : new FixedBody(framing.kind === 'length' ? framing.length : 0);
      let part: ReturnType<BodyReader['push']>;
      try {
        part = body.push(bytes.subarray(result.length));
      } catch {
        return; // malformed: nothing more is forwarded
      }
      forwarded += 1;
      const seen = await requestsSeen(Buffer.concat([start, ...part.forward]));
      assert.ok(seen.length <= 1, `two requests out of ${JSON.stringify(text)}`);
      if (part.done && !/expect/i.test(text)) assert.equal(seen.length, 1, `none out of ${JSON.stringify(text)}`);
      for (const one of seen) assert.deepEqual([one.host, one.method], ['allow.test', result.head.method]);
    }),
    FUZZ,
  );
  assert.ok(forwarded > FUZZ.numRuns / 20, `only ${forwarded} were worth comparing`);
});

test('no bytes make the reader throw, and the guess at HTTP agrees with it', () => {
  const piece = fc.constantFrom(
    'GET',
    ' ',
    '/',
    'HTTP/1.1',
    '\r\n',
    '\n',
    '\r',
    'Host',
    ':',
    'a.test',
    '\0',
    'é',
    '\t',
    'x',
  );
  fc.assert(
    fc.property(fc.string({ unit: piece, maxLength: 20 }), (text) => {
      const bytes = Buffer.from(text, 'latin1');
      const result = readRequestHead(bytes);
      if (result.kind !== 'head') return;
      for (let end = 1; end <= bytes.length; end++) assert.notEqual(looksLikeHttp(bytes.subarray(0, end)), 'no', text);
    }),
    { ...FUZZ, numRuns: FUZZ.numRuns * 5 },
  );
});

test('protocols that are not HTTP are told apart at once', () => {
  for (const text of [
    '\0\0\0\x08\x04\xd2\x16\x2f',
    'SSH-2.0-x\r\n',
    'EHLO x\r\n',
    '*1\r\n$4\r\nPING\r\n',
    'AMQP\0\0\x09\x01',
    '0032git-upload-pack /x\0host=a\0',
  ])
    assert.equal(looksLikeHttp(Buffer.from(text, 'latin1')), 'no', JSON.stringify(text));
  for (const text of [
    'G',
    'GET',
    'GET ',
    'GET /x',
    'GET /x HT',
    'GET /x HTTP/1.1',
    '\r\n',
    '\n\r\n',
    '\r\nGET /',
    'GET\t',
    'GET /a b c',
  ])
    assert.equal(looksLikeHttp(Buffer.from(text)), 'maybe', text);
});

test('what only a lenient server takes for HTTP is not told apart from it, so that it is refused and not passed unread', () => {
  for (const text of [
    '\r\nGET / HTTP/1.1\r\n',
    '\n\n\nGET / HTTP/1.1\r\n',
    'GET\t/\tHTTP/1.1\r\n',
    'GET /x\vHTTP/1.1\r\n',
    'GET /xHTTP/1.1\n',
    'POST /x\r\nHost: deny.test\r\n',
    'GET http://deny.test/\n',
    `GET /${'x'.repeat(20_000)}`,
    '\r\n'.repeat(9000),
  ])
    assert.equal(looksLikeHttp(Buffer.from(text, 'latin1')), 'yes', JSON.stringify(text.slice(0, 40)));
});
