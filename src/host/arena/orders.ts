import { CLOCK_RULE, RULED_HOST } from '../../drill/lent.ts';
import { SPARE_UID } from '../../drill/spare-uid.ts';
import { KEYED_HOST } from '../../model/lent-key.ts';
import { DOOR_PORT, numbersOf } from '../../tiers/host-net.ts';
import type { Target } from './answers.ts';
import type { Key } from './keys.ts';
import type { Names, Order } from './targets.ts';

/** Where the gateway of an agent that nobody is would listen. */
export const DOOR: string = numbersOf(SPARE_UID + 9).address4;

/** What stands where in the arena. Pure. */
export interface Shape {
  readonly token: string;
  /** What the time servers look for. */
  readonly mark: string;
  readonly allowToken: string;
  readonly metadata: { readonly four: string; readonly six: string };
  readonly folder: string;
  /** An address of the machine itself, on the link. */
  readonly house: string;
  readonly key: Key;
}

/** What the arena's name server says; only the positive controls ask it. */
function names(shape: Shape): Names {
  return [
    ['bulkhead.internal', shape.house],
    ['allow.test', '127.0.0.1'],
    ['other.test', '127.0.0.1'],
    [RULED_HOST, '127.0.0.1'],
    [KEYED_HOST, '127.0.0.1'],
    ['wild.test', '127.0.0.1'],
    ['.wild.test', '127.0.0.1'],
    ['rebind.test', '127.0.0.1'],
    ['localhost', '127.0.0.1'],
    ['secure.test', '198.51.100.44'],
    [CLOCK_RULE.host, CLOCK_RULE.address],
    ['metadata.test', shape.metadata.four],
    ['metadata6.test', shape.metadata.six],
    ['*', '203.0.113.1'],
  ];
}

function target(shape: Shape, own: readonly string[], redirect = ''): Target {
  const { token, allowToken, key } = shape;
  return { token, allowToken, names: own, redirect, value: key.value, refresh: key.refresh };
}

/** The machine's own side: loopback services on free ports, and the proxies without policy. */
export function houseOrders(shape: Shape): Order[] {
  const loopback = { address: '127.0.0.1', port: 0 };
  const away = 'http://deny.test/';
  return [
    { kind: 'tcp', name: 'allow', watch: 'allow', at: loopback, target: target(shape, ['allow.test'], away) },
    { kind: 'tcp', name: 'wild', watch: 'wild', at: loopback, target: target(shape, ['.wild.test']) },
    {
      kind: 'tcp',
      name: 'rules',
      watch: 'rules',
      at: loopback,
      target: { ...target(shape, [RULED_HOST]), is: 'ruled' },
    },
    {
      kind: 'tcp',
      name: 'keyed',
      watch: 'keyed',
      at: loopback,
      target: { ...target(shape, [KEYED_HOST]), is: 'keyed' },
    },
    { kind: 'tcp', name: 'private', watch: 'private', at: loopback, target: target(shape, []) },
    { kind: 'tcp', name: 'private6', watch: 'private', at: { address: '::1', port: 0 }, target: target(shape, []) },
    { kind: 'udp', name: 'privateUdp', watch: 'private', at: loopback, token: shape.token },
    { kind: 'tcp', watch: 'door', at: { address: DOOR, port: DOOR_PORT }, target: target(shape, []) },
    { kind: 'tcp', name: 'other', watch: 'other', at: loopback, target: target(shape, []) },
    { kind: 'tcp', watch: 'resolver', at: { path: `${shape.folder}/resolve.sock` }, target: target(shape, []) },
    { kind: 'tcp', watch: 'admin', at: { address: shape.house, port: 80 }, target: target(shape, []) },
    { kind: 'proxy', at: { address: shape.house, port: 3128 }, names: names(shape), key: shape.key },
    { kind: 'socks', at: { address: shape.house, port: 1080 }, names: names(shape), key: shape.key },
  ];
}

/** The far side. The ports of the house's services are served here too, so that a refused name differs only in its name. */
export function farOrders(shape: Shape, alsoPorts: readonly number[]): Order[] {
  const closed = target(shape, []);
  const ports = [...new Set([22, 25, 80, 443, 853, 6379, 8443, ...alsoPorts])];
  const list: Order[] = [];
  for (const address of ['203.0.113.1', '2001:db8::1'])
    for (const port of ports) list.push({ kind: 'tcp', watch: 'far', at: { address, port }, target: closed });
  for (const address of ['198.51.100.20', shape.metadata.four, shape.metadata.six])
    list.push({ kind: 'tcp', watch: 'far', at: { address, port: 80 }, target: closed });
  const secure = { address: '198.51.100.44', port: 443 };
  list.push({ kind: 'tcp', watch: 'secure', at: secure, target: target(shape, ['secure.test']) });
  for (const address of ['203.0.113.1', '2001:db8::1'])
    for (const port of [443, 9, 4433])
      list.push({ kind: 'udp', watch: 'far', at: { address, port }, token: shape.token });
  const { token, mark } = shape;
  for (const [address, watch] of [
    [CLOCK_RULE.address, 'clock'],
    ['203.0.113.1', 'far'],
  ] as const)
    list.push({ kind: 'clock', watch, at: { address, port: CLOCK_RULE.port }, token, mark });
  for (const address of ['203.0.113.53', '203.0.113.8', '203.0.113.1', '2001:db8::1'])
    list.push({ kind: 'dns', watch: 'dns', at: { address, port: 53 }, token: shape.token, names: names(shape) });
  return list;
}
