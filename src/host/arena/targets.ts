// Runs as: a spare uid (started as root, drops after binding), inside one network namespace. Holds: nothing.
// Trusts: the order on its argv, from arena.ts. Never: dials anything but for the open proxies, and those only the arena.

import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { appendFileSync, readFileSync } from 'node:fs';
import { createServer, isIP, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { heard, type Target } from './answers.ts';
import { clockSays } from './clock.ts';
import { dnsOverTcp, dnsOverUdp, type Zone } from './dns.ts';
import { type Key, swapped } from './keys.ts';
import { arenaOnly, openHttpProxy, openSocks } from './proxy.ts';

export type Place = { readonly address: string; readonly port: number } | { readonly path: string };

/** One thing to stand up. `watch` names the counter it moves. */
export type Order =
  | {
      readonly kind: 'tcp';
      readonly at: Place;
      readonly watch: string;
      readonly target: Target;
      readonly name?: string;
    }
  | {
      readonly kind: 'udp';
      readonly at: Place;
      readonly watch: string;
      readonly token: string;
      readonly name?: string;
    }
  | {
      readonly kind: 'clock';
      readonly at: Place;
      readonly watch: string;
      readonly token: string;
      readonly mark: string;
    }
  | { readonly kind: 'dns'; readonly at: Place; readonly watch: string; readonly token: string; readonly names: Names }
  | { readonly kind: 'proxy' | 'socks'; readonly at: Place; readonly names: Names; readonly key: Key };

/** Addresses of names: the first that is the name itself or, starting with a dot, its ending; `*` for all others. */
export type Names = readonly (readonly [name: string, address: string])[];

export interface Orders {
  readonly uid: number;
  readonly list: readonly Order[];
}

function lookUp(names: Names, name: string): string {
  const wanted = name.toLowerCase();
  const found = names.find(
    ([known]) => known === '*' || known === wanted || (known.startsWith('.') && wanted.endsWith(known)),
  );
  return found?.[1] ?? '203.0.113.1';
}

const counts = new Map<string, number>();
function count(watch: string, by = 1): void {
  counts.set(watch, (counts.get(watch) ?? 0) + by);
}

function serveTcp(socket: Socket, order: Order & { kind: 'tcp' }): void {
  let bytes = Buffer.alloc(0);
  let told = 0;
  let own = 0;
  let foreign = 0;
  if (order.target.names.length === 0) count(order.watch); // nobody may even connect
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    const said = heard(bytes, order.target);
    count(order.watch, Math.max(0, said.foreign - foreign));
    count(`${order.watch}.own`, Math.max(0, said.own - own));
    own = said.own;
    foreign = said.foreign;
    socket.write(said.reply.subarray(told));
    told = Math.max(told, said.reply.length);
    if (said.last) socket.end();
  });
}

async function standUp(order: Order): Promise<[string, number] | undefined> {
  const { at } = order;
  if (order.kind === 'tcp') {
    const server = createServer((socket) => serveTcp(socket, order));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      if ('path' in at) server.listen({ path: at.path, writableAll: true, readableAll: true }, resolve);
      else server.listen(at.port, at.address, resolve);
    });
    const bound = server.address();
    return order.name && bound !== null && typeof bound === 'object' ? [order.name, bound.port] : undefined;
  }
  if ('path' in at) throw new Error('only a TCP target has a path');
  if (order.kind === 'udp' || order.kind === 'clock') {
    const socket = createSocket(at.address.includes(':') ? 'udp6' : 'udp4');
    socket.on('message', (message, from) => {
      const said = order.kind === 'udp' ? { carried: true, reply: order.token } : clockSays(message, order, Date.now());
      count(said.carried ? order.watch : `${order.watch}.own`);
      socket.send(said.reply, from.port, from.address);
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(at.port, at.address, resolve);
    });
    return order.kind === 'udp' && order.name ? [order.name, socket.address().port] : undefined;
  }
  if (order.kind === 'dns') {
    const zone: Zone = {
      address: (name) => lookUp(order.names, name),
      text: order.token,
      seen: () => count(order.watch),
    };
    await dnsOverUdp(at.address, at.port, zone);
    await dnsOverTcp(at.address, at.port, zone);
  } else {
    const resolver = new Resolver({ timeout: 1000, tries: 2 });
    resolver.setServers(['203.0.113.53']);
    const known = (name: string): string | undefined =>
      isIP(name) ? name : name === 'localhost' ? '127.0.0.1' : undefined;
    const resolve = async (name: string): Promise<string> => known(name) ?? (await resolver.resolve4(name))[0] ?? '';
    const mayDial = arenaOnly(
      order.names.map(([, address]) => address),
      () => Object.values(ports),
    );
    await (order.kind === 'proxy' ? openHttpProxy : openSocks)(at.address, at.port, {
      ...{ resolve, mayDial },
      swap: (bytes) => {
        const sent = swapped(bytes, order.key);
        if (sent.includes(order.key.value)) appendFileSync(order.key.record, sent);
        return sent;
      },
    });
  }
  return undefined;
}

/** Echo requests that this namespace was sent (proc_net_snmp: Icmp InEchos, Icmp6InEchos). */
function echoes(): number {
  const lines = readFileSync('/proc/self/net/snmp', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('Icmp:'));
  const at = lines[0]?.split(' ').indexOf('InEchos') ?? -1;
  const four = Number(lines[1]?.split(' ')[at] ?? 0);
  return four + Number(/^Icmp6InEchos\s+(\d+)/m.exec(readFileSync('/proc/self/net/snmp6', 'utf8'))?.[1] ?? 0);
}

const orders = JSON.parse(process.argv[2] ?? '') as Orders;
const ports: Record<string, number> = {};
const stand = async (list: readonly Order[]): Promise<void> => {
  for (const order of list) {
    const named = await standUp(order);
    if (named) ports[named[0]] = named[1];
  }
};
/** What the warden lends a way to: it must see that the listener is ours, by the uid that made the socket. */
const isLent = ({ at }: Order): boolean => 'port' in at && at.port === 0;
await stand(orders.list.filter((order) => !isLent(order)));
process.setgroups?.([]);
process.setgid?.(orders.uid);
process.setuid?.(orders.uid);
await stand(orders.list.filter(isLent));
process.stdout.write(`${JSON.stringify({ ports })}\n`);
const lines = createInterface({ input: process.stdin });
lines.on('line', () => process.stdout.write(`${JSON.stringify({ ...Object.fromEntries(counts), icmp: echoes() })}\n`));
lines.on('close', () => process.exit(0));
