// Servers of the pretended internet, run inside its namespace. Writes one JSON line per event to stdout.
//   argv: address, key file, certificate file

import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createServer as createTls } from 'node:tls';

const [address = '', key = '', cert = ''] = process.argv.slice(2);
const say = (event: object): void => void process.stdout.write(`${JSON.stringify(event)}\n`);

/** Reads all that comes on a connection; answers a request as soon as its head is there. */
function web(port: number): (socket: Socket) => void {
  return (socket) => {
    let seen = '';
    let answered = false;
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      seen += chunk.toString('latin1');
      const length = Number(/content-length: (\d+)/i.exec(seen)?.[1] ?? 0);
      const end = seen.indexOf('\r\n\r\n');
      const whole = /transfer-encoding: chunked/i.test(seen)
        ? seen.endsWith('0\r\n\r\n')
        : seen.length >= end + 4 + length;
      if (answered || end < 0 || !whole) return;
      answered = true;
      const body = `hello from ${address}:${port}\n`;
      // give a second, smuggled request time to show itself before the connection closes
      setTimeout(
        () => socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`),
        /x-hold/.test(seen) ? 400 : 30,
      );
    });
    socket.on('end', () => answered || socket.end());
    socket.on('close', () => say({ port, seen }));
  };
}

for (const port of [80, 8080]) createServer({ allowHalfOpen: true }, web(port)).listen(port, address);
createTls({ key: readFileSync(key), cert: readFileSync(cert) }, web(443)).listen(443, address);
createTls({ key: readFileSync(key), cert: readFileSync(cert) }, web(8443)).listen(8443, address);
// asks most clients for a second ClientHello, with a share for its only group
const oneGroup = { ecdhCurve: 'prime256v1', minVersion: 'TLSv1.3' } as const;
createTls({ key: readFileSync(key), cert: readFileSync(cert), ...oneGroup }, web(8444))
  .on('tlsClientError', () => {})
  .listen(8444, address);

// echoes; ends when the client has ended
createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {});
  socket.pipe(socket);
}).listen(7000, address);

// the resolver of the pretended internet, behind its hosts file: says which names it is asked for, and knows none
if (address === '203.0.113.10') {
  const resolver = createSocket('udp4', (message, from) => {
    const labels: string[] = [];
    for (let at = 12; message[at]; at += 1 + (message[at] as number))
      labels.push(message.toString('latin1', at + 1, at + 1 + (message[at] as number)));
    say({ asked: labels.join('.') });
    message[2] = 0x81;
    message[3] = 0x83; // NXDOMAIN
    resolver.send(message, from.port, from.address);
  });
  resolver.bind(53, '127.0.0.1');
}

// speaks first, as ssh and smtp do
createServer((socket) => {
  socket.on('error', () => {});
  socket.write('220 speaks first\r\n');
  socket.on('data', (chunk) => socket.write(`you said ${chunk}`));
}).listen(2525, address, () => say({ ready: true }));
