// A proxy as loose as many are: it too refuses what leads to a path that is not granted, but ends lines at any LF, believes the first
// Content-Length and no Transfer-Encoding, and passes the bytes on as they came.
//   argv: address, address of the servers, path that is refused, ports...
import { connect, createServer } from 'node:net';

const [address = '', to = '', refused = '', ...ports] = process.argv.slice(2);
let left = ports.length;
for (const port of ports.map(Number)) {
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ host: to, port, allowHalfOpen: true });
    let held = '';
    let body = 0;
    const pass = (bytes: string): void => void (upstream.writable && upstream.write(Buffer.from(bytes, 'latin1')));
    client.on('data', (chunk) => {
      held += chunk.toString('latin1');
      for (;;) {
        const now = held.slice(0, body);
        pass(now);
        held = held.slice(now.length);
        body -= now.length;
        const end = /\r?\n\r?\n/.exec(held);
        if (body > 0 || end === null) return;
        const head = held.slice(0, end.index + end[0].length);
        if (head.split(' ')[1]?.includes(refused)) return void client.destroy();
        pass(head);
        held = held.slice(head.length);
        body = Number.parseInt(/^content-length:(.*)$/im.exec(head)?.[1] ?? '0', 10) || 0;
      }
    });
    upstream.on('data', (chunk) => client.writable && client.write(chunk));
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => {});
      one.on('end', () => other.end());
      one.on('close', () => other.destroy());
    }
  });
  server.listen(port, address, () => {
    left -= 1;
    if (left === 0) process.stdout.write('ready\n');
  });
}
