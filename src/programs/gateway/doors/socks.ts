import type { Socket } from 'node:net';
import { readGreeting, readSocksRequest, SOCKS, socksReply } from '../../../protocol/socks5.ts';
import { serveApi } from '../api/api.ts';
import type { Door } from '../door.ts';
import { consume, firstBytes, sayAndClose } from '../first-bytes.ts';
import { INTERNAL } from '../names/names.ts';
import { openPassage } from '../passages/open-passage.ts';
import { carry } from './carry.ts';

/** SOCKS 5 without passwords: names (`socks5h`), synthetic addresses, and addresses that a rule grants. */
export async function serveSocks(door: Door): Promise<void> {
  const { client, compartment } = door;
  const greeting = await message(client, readGreeting);
  if (greeting === undefined) return;
  if (greeting.kind === 'bad' || !greeting.withoutPassword) return sayAndClose(client, Buffer.from([5, 0xff]));
  client.write(Buffer.from([5, 0]));
  const request = await message(client, readSocksRequest);
  if (request === undefined) return;
  if (request.kind === 'bad') return sayAndClose(client, socksReply(request.reply));
  const { host, port } = request;
  if (host.kind === 'bad') {
    await compartment.refuseMalformed(host, port, 'socks', Date.now());
    return sayAndClose(client, socksReply(SOCKS.denied));
  }
  const destination = compartment.destination(host, port);
  const inner: Door = { ...door, via: 'socks' };
  if (destination.host === INTERNAL && port === 80) {
    client.write(socksReply(SOCKS.ok));
    return serveApi(inner);
  }
  const opened = await openPassage(inner, destination);
  if (opened.kind !== 'open') {
    const code = { denied: SOCKS.denied, unrecorded: SOCKS.failure, unreachable: SOCKS.unreachable }[opened.kind];
    return sayAndClose(client, socksReply(code));
  }
  client.write(socksReply(SOCKS.ok));
  await carry(inner, destination, opened);
}

/** One message; what follows it is left. */
async function message<T extends { kind: string; length?: number }>(
  client: Socket,
  read: (bytes: Buffer) => T,
): Promise<Exclude<T, { kind: 'more' }> | undefined> {
  const first = await firstBytes(client, (bytes) => {
    const result = read(bytes);
    return result.kind === 'more' ? undefined : (result as Exclude<T, { kind: 'more' }>);
  });
  if (first.kind !== 'read') {
    client.destroy();
    return undefined;
  }
  consume(client, first.value.length ?? 0);
  return first.value;
}
