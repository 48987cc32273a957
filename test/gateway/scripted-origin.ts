// A TLS server that answers as the path says. Writes one JSON line for each request: {head, body, from}, the last the port that it came from.
//   argv: address, port, key file, certificate file
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createServer } from 'node:tls';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';

const [address = '', port = '', key = '', cert = ''] = process.argv.slice(2);
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** 300 MB in 481 bytes; at the best quality that would take half a minute. */
const bomb = (): Buffer =>
  brotliCompressSync(Buffer.alloc(300 << 20), { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } });

/** What a path answers; `auth` is what came in Authorization. */
const ANSWERS: Readonly<Record<string, (socket: Socket, auth: string, body: string) => Promise<void> | void>> = {
  '/echo': (socket, auth) =>
    void socket.write(`HTTP/1.1 200 ${auth}\r\nX-Auth: ${auth}\r\nContent-Length: ${auth.length}\r\n\r\n${auth}`),
  '/chunks': async (socket, auth) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (const piece of auth.match(/.{1,5}/gs) ?? []) {
      socket.write(`${piece.length.toString(16)};x=${auth}\r\n${piece}\r\n`);
      await wait(5);
    }
    socket.write(`0\r\nX-Trailer: ${auth}\r\n\r\n`);
  },
  '/named': (socket, auth) => {
    const token = auth.split(' ').at(-1) ?? '';
    const early = `HTTP/1.1 103 Early\r\nX-${token}: 1\r\n\r\n`;
    socket.write(
      `${early}HTTP/1.1 200 OK\r\n${token}: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nx-${token}-x: 1\r\n\r\n`,
    );
  },
  '/close': (socket, auth) => void socket.end(`HTTP/1.1 200 OK\r\n\r\nuntil the end: ${auth}`),
  '/events': async (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let i = 0; i < 3; i++) {
      const text = `data: ${i}\n\n`;
      socket.write(`${text.length.toString(16)}\r\n${text}\r\n`);
      await wait(400);
    }
    socket.write('0\r\n\r\n');
  },
  '/compress': (socket) =>
    void socket.write('HTTP/1.1 200 OK\r\nContent-Encoding: compress\r\nContent-Length: 3\r\n\r\nabc'),
  '/gzip': (socket, auth) => coded(socket, 'gzip', gzipSync(`said ${auth}`)),
  '/deflate': (socket, auth) => coded(socket, 'deflate', deflateSync(`said ${auth}`)),
  '/br': (socket, auth) => coded(socket, 'br', brotliCompressSync(`said ${auth}`)),
  '/bomb': (socket) => coded(socket, 'br', bomb()),
  '/teapot': (socket) => void socket.write('HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno'),
  '/twice': (socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde'),
  '/continue': (socket, _, body) =>
    void socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${String(body.length).length}\r\n\r\n${body.length}`),
  '/spent': (socket) => {
    socket.write('HTTP/1.1 204 No Content\r\n\r\n');
    socket.removeAllListeners('data').on('data', () => socket.destroy());
  },
  '/chatty': async (socket) => {
    socket.write('HTTP/1.1 204 No Content\r\n\r\n');
    await wait(100);
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nunasked', () =>
      process.stdout.write('{"unasked":true}\n'),
    );
  },
  // It talks on, and never ends its side.
  '/stays': async (socket) => {
    socket.allowHalfOpen = true;
    socket.write('HTTP/1.1 204 No Content\r\n\r\n');
    for (; !socket.destroyed; await wait(100)) socket.write('x');
  },
  '/none': (socket) => void socket.write('HTTP/1.1 204 No Content\r\n\r\n'),
  '/body': (socket, _, body) => void socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`),
};

function coded(socket: Socket, coding: string, body: Buffer): void {
  const head = `HTTP/1.1 200 OK\r\nContent-Encoding: ${coding}\r\nContent-Length: ${body.length}\r\nETag: "x"\r\n\r\n`;
  socket.write(Buffer.concat([Buffer.from(head), body]));
}

const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (socket) => {
  let seen = '';
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    seen += chunk.toString('latin1');
    for (;;) {
      const end = seen.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = seen.slice(0, end);
      if (/expect: 100-continue/i.test(head) && !head.includes('/teapot') && seen.length === end + 4)
        socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      if (/^POST \/early /.test(head)) {
        // It waits for no body, and no end of one.
        seen = '';
        process.stdout.write(`${JSON.stringify({ head, body: '' })}\n`);
        const said = '{"model":"m","usage":{"input_tokens":600,"output_tokens":400}}';
        return void socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${said.length}\r\n\r\n${said}`);
      }
      const chunked = /transfer-encoding: chunked/i.test(head);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      const last = /(?:^|\r\n)0\r\n(?:[^\r]+\r\n)*\r\n/.exec(seen.slice(end + 4));
      const stop = chunked ? (last ? end + 4 + last.index + last[0].length : 0) : end + 4 + length;
      if (stop < end + 4 || seen.length < stop) return;
      const body = seen.slice(end + 4, stop);
      seen = seen.slice(stop);
      process.stdout.write(`${JSON.stringify({ head, body, from: socket.remotePort })}\n`);
      const auth = /^authorization: (.*)$/im.exec(head)?.[1]?.trim() ?? '';
      const path = head.split(' ')[1]?.split('?')[0] ?? '';
      void (ANSWERS[path] ?? ANSWERS['/none'])?.(socket, auth, body);
    }
  });
});
server.listen(Number(port), address, () => process.stdout.write('{"ready":true}\n'));
