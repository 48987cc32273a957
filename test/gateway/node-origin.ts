// Node's own server, whose parser (llhttp) is another than ours: says method, target and Authorization of each request that it makes out.
//   argv: address, port, key file, certificate file
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const [address = '', port = '', key = '', cert = ''] = process.argv.slice(2);
const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
  const { method, url, headers } = request;
  const parts: Buffer[] = [];
  const say = (whole: boolean): void => {
    const body = Buffer.concat(parts).toString('latin1');
    process.stdout.write(
      `${JSON.stringify({ method, url, auth: headers.authorization, host: headers.host, coding: headers['accept-encoding'], body, whole })}\n`,
    );
  };
  request.on('data', (chunk: Buffer) => parts.push(chunk));
  request.on('end', () => {
    say(true);
    response.end('ok');
  });
  request.on('error', () => say(false));
});
server.keepAliveTimeout = 30_000;
server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
  // A request that was cut off is what a server sees of one that was refused half-way.
  if (error.code?.startsWith('HPE_') && error.code !== 'HPE_INVALID_EOF_STATE')
    process.stdout.write(`${JSON.stringify({ unreadable: error.code })}\n`);
  socket.destroy();
});
server.listen(Number(port), address, () => process.stdout.write('{"ready":true}\n'));
