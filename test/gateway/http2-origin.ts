// A server of HTTP/2 (and HTTP/1.1) over TLS that answers as the path says. Says one line of JSON for each request.
//   argv: address, port, key file, certificate file
import { readFileSync } from 'node:fs';
import { createSecureServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { gzipSync } from 'node:zlib';

const [address = '', port = '', key = '', cert = ''] = process.argv.slice(2);
const say = (event: object): void => void process.stdout.write(`${JSON.stringify(event)}\n`);
const BLOCK = Buffer.alloc(1 << 16, 'x');

const ANSWERS: Readonly<Record<string, (stream: ServerHttp2Stream, auth: string, body: Buffer) => void>> = {
  '/echo': (stream, auth) => {
    stream.respond({ ':status': 200, 'x-auth': auth, 'set-cookie': ['a=1', 'b=2'] });
    stream.end(auth);
  },
  '/body': (stream, _auth, body) => {
    stream.respond({ ':status': 200, 'x-length': body.length });
    stream.end(body.length > 1000 ? String(body.length) : body);
  },
  '/pieces': (stream, auth) => {
    stream.respond({ ':status': 200 });
    const pieces = auth.match(/.{1,5}/gs) ?? [];
    const next = (): void => {
      const piece = pieces.shift();
      if (piece === undefined) stream.end();
      else setTimeout(() => stream.write(piece, next), 5);
    };
    next();
  },
  '/grpc': (stream, auth) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.removeAllListeners('wantTrailers'); // those of the layer that also serves HTTP/1.1
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': auth }));
    stream.end('message');
  },
  '/only-trailers': (stream) => stream.respond({ ':status': 200, 'grpc-status': '12' }, { endStream: true }),
  '/error': (stream) => {
    stream.respond({ ':status': 400 });
    stream.end('no');
  },
  '/flood': (stream) => {
    stream.respond({ ':status': 200 });
    const timer = setInterval(() => stream.write(BLOCK), 10);
    stream.on('close', () => clearInterval(timer));
  },
  '/early': (stream) => {
    stream.additionalHeaders({ ':status': 103, link: '</x>; rel=preload' });
    stream.respond({ ':status': 200 });
    stream.end('after');
  },
  '/reset': (stream) => stream.close(2),
  '/half': (stream) => {
    stream.respond({ ':status': 200 }, { waitForTrailers: true }); // else Node ends it first
    stream.write('a part', () => setTimeout(() => stream.close(2), 50));
  },
  '/cut': (stream) => {
    stream.respond({ ':status': 200 });
    stream.write('a part', () => setTimeout(() => stream.session?.destroy(), 50));
  },
  '/gzip': (stream, auth) => {
    stream.respond({ ':status': 200, 'content-encoding': 'gzip' });
    stream.end(gzipSync(`said ${auth}`));
  },
  '/goaway': (stream) => {
    stream.respond({ ':status': 200 });
    stream.end('last');
    stream.session?.close();
  },
  '/large': (stream) => {
    stream.respond({ ':status': 200, 'content-length': BLOCK.length * 320 });
    let left = 320;
    const more = (): void => {
      while (left-- > 0) if (!stream.write(BLOCK)) return void stream.once('drain', more);
      stream.end();
    };
    more();
  },
  '/events': (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'text/event-stream' });
    let count = 0;
    const timer = setInterval(() => {
      stream.write(`data: ${count++}\n\n`);
      if (count === 3) stream.end();
      if (count === 3 || stream.destroyed) clearInterval(timer);
    }, 300);
    stream.on('close', () => {
      clearInterval(timer);
      say({ ended: 'events', code: stream.rstCode });
    });
  },
  '/silent': (stream) => {
    stream.respond({ ':status': 200 });
    stream.write('.');
    stream.on('close', () => say({ ended: 'silent', code: stream.rstCode }));
  },
  '/push': (stream) => {
    say({ push: stream.pushAllowed });
    stream.respond({ ':status': 200 });
    stream.end('no push');
  },
};

const files = { key: readFileSync(key), cert: readFileSync(cert) };
const server = createSecureServer({ ...files, allowHTTP1: true, settings: { enableConnectProtocol: true } });
server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, raw: string[]) => {
  const parts: Buffer[] = [];
  let trailers: readonly string[] = [];
  stream.on('error', () => {});
  stream.on('trailers', (_trailers: unknown, _f: number, came: string[]) => {
    trailers = came;
  });
  stream.on('data', (chunk: Buffer) => parts.push(chunk));
  stream.on('aborted', () => say({ aborted: headers[':path'] }));
  stream.on('end', () => {
    const body = Buffer.concat(parts);
    if (stream.rstCode !== 0) return;
    say({ raw, trailers, path: headers[':path'], body: body.length > 1000 ? body.length : body.toString('latin1') });
    const path = String(headers[':path']).split('?')[0] ?? '';
    if (!stream.destroyed) (ANSWERS[path] ?? ANSWERS['/body'])?.(stream, String(headers.authorization ?? ''), body);
  });
});
server.on('request', (request, response) => {
  if (request.httpVersionMajor === 2) return;
  say({ raw: request.rawHeaders, path: request.url, version: request.httpVersion });
  response.end(String(request.headers.authorization));
});
server.on('sessionError', () => {});
server.listen(Number(port), address, () => say({ ready: true }));
