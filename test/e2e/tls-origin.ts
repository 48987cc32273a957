import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';

/** A server with TLS on 127.0.0.1, its certificate signed by a root of its own; nothing of this machine trusts it. */
export interface Origin {
  readonly port: number;
  /** The root's certificate, PEM, a file. */
  readonly root: string;
  /** Heads of the requests it saw. */
  readonly seen: IncomingMessage[];
  stop(): void;
}

export interface OriginWays {
  /** It speaks HTTP/2 to whoever offers it; else HTTP/1.1 alone. */
  readonly http2?: boolean;
  /** Takes connections over that ask for another protocol. */
  readonly upgrade?: (request: IncomingMessage, socket: Socket) => void;
}

export async function startOrigin(
  folder: string,
  host: string,
  answer: RequestListener,
  { http2 = false, upgrade }: OriginWays = {},
): Promise<Origin> {
  const file = (name: string): string => join(folder, name);
  const run = (...args: string[]): unknown => execFileSync('openssl', args, { stdio: 'ignore' });
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  run('req', '-x509', ...ec, '-keyout', file('root.key'), '-out', file('root.pem'), '-subj', '/CN=test root');
  const name = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`];
  const signed = ['-CA', file('root.pem'), '-CAkey', file('root.key'), '-addext', 'basicConstraints=critical,CA:FALSE'];
  run('req', '-x509', ...ec, ...signed, '-keyout', file('leaf.key'), '-out', file('leaf.pem'), ...name);
  const seen: IncomingMessage[] = [];
  const keys = { key: readFileSync(file('leaf.key')), cert: readFileSync(file('leaf.pem')) };
  const listener: RequestListener = (request, response) => {
    seen.push(request);
    answer(request, response);
  };
  // Its requests and answers have the same form there (Node, "Compatibility API").
  const server = http2
    ? (createSecureServer({ ...keys, allowHTTP1: true }, listener as never) as unknown as Server)
    : createServer(keys, listener);
  const sockets = new Set<Socket>();
  server.on('secureConnection', (socket) => sockets.add(socket.once('close', () => sockets.delete(socket))));
  if (upgrade)
    server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
      seen.push(request);
      upgrade(request, socket);
    });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const stop = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port, root: file('root.pem'), seen, stop };
}
