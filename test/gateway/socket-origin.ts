// A server of WebSockets over TLS, written by hand: says what it sees, and reflects what came in Authorization in every way that frames allow.
//   argv: address, port, key file, certificate file
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:tls';
import { FrameReader, frame } from '../../src/protocol/websocket.ts';

const [address = '', port = '', key = '', cert = ''] = process.argv.slice(2);
const say = (event: object): void => void process.stdout.write(`${JSON.stringify(event)}\n`);

const server = createServer({ key: readFileSync(key), cert: readFileSync(cert), noDelay: true }, (socket) => {
  let seen: Buffer | undefined = Buffer.alloc(0);
  const reader = new FrameReader(true);
  let auth = '';
  let middle = false;
  socket.on('error', () => {});
  socket.on('close', () => say({ closed: true }));
  const send = (opcode: number, fin: boolean, payload: string | Buffer): void =>
    void socket.write(frame(opcode, fin, Buffer.from(payload as string)));
  socket.on('data', (chunk: Buffer) => {
    let bytes = chunk;
    if (seen !== undefined) {
      seen = Buffer.concat([seen, chunk]);
      const end = seen.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = seen.toString('latin1', 0, end);
      bytes = seen.subarray(end + 4);
      seen = undefined;
      say({ head });
      const [, path = ''] = head.split(' ');
      auth = /^authorization: \S+ (.*)$/im.exec(head)?.[1] ?? '';
      const asked = /^sec-websocket-key: (.*)$/im.exec(head)?.[1] ?? '';
      const made = createHash('sha1').update(`${asked}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      const accept = path === '/lies' ? 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=' : made;
      const more = path === '/extension' ? 'Sec-WebSocket-Extensions: permessage-deflate\r\n' : '';
      socket.write(
        `HTTP/1.1 101 ${auth}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nX-Auth: ${auth}\r\n${more}\r\n`,
      );
      if (path !== '/reflect') return;
      send(1, true, `whole ${auth}`);
      // in fragments of three bytes, each in a piece of its own, a ping between
      for (let at = 0; at < auth.length; at += 3) {
        send(at === 0 ? 1 : 0, at + 3 >= auth.length, auth.slice(at, at + 3));
        if (at === 9) send(9, true, auth);
      }
      send(2, true, Buffer.concat([Buffer.alloc(150_000, 1), Buffer.from(auth), Buffer.alloc(70_000, 2)]));
      send(1, false, '');
      send(0, true, auth);
      return;
    }
    for (const { opcode, data, fin, last } of reader.push(bytes)) {
      say({ opcode, text: data.length > 2000 ? data.length : data.toString('latin1'), fin, last });
      if (opcode === 8 && last) socket.end(frame(8, true, data));
      if (opcode > 2) continue;
      send(middle ? 0 : opcode, fin && last, data);
      middle = !last;
    }
  });
});
server.listen(Number(port), address, () => say({ ready: true }));
