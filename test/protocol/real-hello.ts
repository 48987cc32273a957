import { createServer } from 'node:net';
import { connect } from 'node:tls';

/** What a real client sends first. */
export function realHello(servername: string | undefined): Promise<Buffer> {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.once('data', (bytes) => {
        resolve(bytes);
        socket.destroy();
        server.close();
      });
    }).listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      const options = { host: '127.0.0.1', port, rejectUnauthorized: false };
      connect(servername === undefined ? options : { ...options, servername }).on('error', () => {});
    });
  });
}

/** With one extension more at the end, all lengths mended. */
export function withExtension(whole: Buffer, type: number, body: Buffer): Buffer {
  const added = Buffer.concat([Buffer.from([type >> 8, type & 255, body.length >> 8, body.length & 255]), body]);
  const bytes = Buffer.concat([whole, added]);
  const sessionEnd = 5 + 4 + 34 + 1 + (whole[43] as number);
  const ciphersEnd = sessionEnd + 2 + whole.readUInt16BE(sessionEnd);
  const extensions = ciphersEnd + 1 + (whole[ciphersEnd] as number);
  for (const at of [3, 7, extensions]) bytes.writeUInt16BE(bytes.readUInt16BE(at) + added.length, at);
  return bytes;
}
