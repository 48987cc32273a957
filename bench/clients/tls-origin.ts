/** A TLS server: node tls-origin.ts ADDRESS PORT KEY CERT. `GET /N` is answered with N bytes, the connection
 *  stays open unless it is asked to end; `GET /open` with a stream that does not end; `GET /handshakes` with how many there were, and how many of them
 *  resumed a session, as JSON. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:tls';

const [address = '', port = '', key = '', cert = ''] = process.argv.slice(2);
const MOST = Buffer.alloc(1 << 20, 'x');
const shaken = { whole: 0, resumed: 0 };
const server = createServer({ key: readFileSync(key), cert: readFileSync(cert), noDelay: true }, (socket) => {
  shaken[socket.isSessionReused() ? 'resumed' : 'whole'] += 1;
  let text = '';
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
      const size = Number(/^GET \/(\d+) /.exec(text)?.[1] ?? 0);
      const open = text.startsWith('GET /open ');
      const last = /\r\nconnection: close\r\n/i.test(text.slice(0, end + 2));
      const counted = text.startsWith('GET /handshakes ') ? JSON.stringify(shaken) : undefined;
      text = text.slice(end + 4);
      if (open) {
        socket.write(
          'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n5\r\ndata\n\r\n',
        );
        continue;
      }
      const length = counted?.length ?? size;
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n${last ? 'connection: close\r\n' : ''}\r\n`);
      if (counted) socket.write(counted);
      else send(size);
      if (last && size <= MOST.length) socket.end();
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
