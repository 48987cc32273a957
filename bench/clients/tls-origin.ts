/** A TLS server: node tls-origin.ts ADDRESS PORT KEY CERT. `GET /N` is answered with N bytes, the connection
 *  stays open; `GET /open` with a stream that does not end. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:tls';

const [address = '', port = '', key = '', cert = ''] = process.argv.slice(2);
const MOST = Buffer.alloc(1 << 20, 'x');
const server = createServer({ key: readFileSync(key), cert: readFileSync(cert), noDelay: true }, (socket) => {
  let text = '';
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
      const size = Number(/^GET \/(\d+) /.exec(text)?.[1] ?? 0);
      const open = text.startsWith('GET /open ');
      text = text.slice(end + 4);
      if (open) {
        socket.write(
          'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n5\r\ndata\n\r\n',
        );
        continue;
      }
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
      send(size);
    }
  });
  function send(left: number): void {
    for (let rest = left; rest > 0; ) {
      const part = Math.min(rest, MOST.length);
      rest -= part;
      if (!socket.write(part === MOST.length ? MOST : MOST.subarray(0, part)) && rest > 0) {
        socket.once('drain', () => send(rest));
        return;
      }
    }
  }
});
server.listen(Number(port), address, 4096, () => process.stdout.write('ready\n'));
