import { createServer, type Server, Socket } from 'node:net';
import { Failure } from '../../../model/failure.ts';

/** A port of a compartment on the operator's loopback.
 *  @param dial  gives a connected descriptor of 127.0.0.1:port inside the compartment
 *  @throws Failure `port-occupied`, `port-privileged` */
export function publishPort(port: number, dial: () => Promise<number>): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (outer) => {
    outer.on('error', () => outer.destroy());
    dial().then(
      (fd) => joinInner(outer, fd),
      () => outer.resetAndDestroy(), // nothing listens there: as if it were refused
    );
  });
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(whyNot(port, error)));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

function joinInner(outer: Socket, fd: number): void {
  const inner = new Socket({ fd, allowHalfOpen: true });
  inner.on('error', () => inner.destroy());
  if (outer.destroyed) return void inner.destroy(); // it was closed while we dialled
  inner.once('close', (failed) => (failed ? outer.resetAndDestroy() : outer.destroySoon()));
  outer.once('close', (failed) => (failed ? inner.resetAndDestroy() : inner.destroySoon()));
  outer.pipe(inner);
  inner.pipe(outer);
}

function whyNot(port: number, error: NodeJS.ErrnoException): Error {
  if (error.code === 'EADDRINUSE')
    return new Failure(
      'port-occupied',
      `port ${port} on 127.0.0.1 is taken by another program`,
      `Stop that program (ss -ltnp 'sport = :${port}' names it), or publish another port.`,
      1,
    );
  if (error.code === 'EACCES')
    return new Failure(
      'port-privileged',
      `port ${port} is one that only root may listen on, and the gateway is not root`,
      'Publish a port from 1024 on, or lower net.ipv4.ip_unprivileged_port_start.',
      2,
    );
  return error;
}
