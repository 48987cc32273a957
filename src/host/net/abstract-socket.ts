import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';

/** While `use` runs, something of ours listens at an abstract address (unix(7)) in our network namespace, as a service of the host's
 *  might. Whoever connects is let go at once.
 *  @param use  gets the name without its leading null byte */
export async function withAbstractSocket<T>(use: (name: string) => Promise<T>): Promise<T> {
  const name = `bulkhead-probe-${randomUUID()}`;
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path: `\0${name}` }, resolve);
  });
  try {
    return await use(name);
  } finally {
    server.close();
  }
}
