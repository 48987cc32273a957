// Node's own server (llhttp) without TLS, on several ports: says of each request that it makes out where it came, method, target and Host.
//   argv: address, ports...
import { createServer, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

const [address = '', ...ports] = process.argv.slice(2);
let said: object[] = [];
const say = (one: object): void => {
  if (said.push(one) > 1) return;
  setImmediate(() => {
    process.stdout.write(said.map((each) => `${JSON.stringify(each)}\n`).join(''));
    said = [];
  });
};
let left = ports.length;
for (const port of ports.map(Number)) {
  const server = createServer((request, response) => {
    const { method, url, headers } = request;
    say({ port, method, path: url, host: headers.host ?? '' });
    request.on('error', () => {});
    request.resume().on('end', () => response.end('ok'));
  });
  server.keepAliveTimeout = 60_000;
  server.on('connection', (socket) => socket.on('error', () => {}));
  for (const event of ['upgrade', 'connect'])
    server.on(event, ({ method, url, headers }: IncomingMessage, socket: Socket) => {
      say({ port, method, path: url, host: headers.host ?? '' });
      socket.end('HTTP/1.1 400 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    });
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // A request that was cut off is what a server sees of one that was refused half-way.
    if (error.code?.startsWith('HPE_') && error.code !== 'HPE_INVALID_EOF_STATE') say({ port, unreadable: error.code });
    socket.end('HTTP/1.1 400 Bad\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
  });
  server.listen(port, address, () => {
    left -= 1;
    if (left === 0) say({ ready: true });
  });
}
