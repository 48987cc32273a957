import { createReadStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compiledFor } from '../../../host/files/compiled.ts';
import type { OrdinaryUser } from '../../../host/machine/ordinary-user.ts';
import { pipe } from '../../../host/pipes.ts';
import type { Places } from '../../../plan/places.ts';
import type { Order } from '../../../tiers/orders.ts';
import type { NetSpace } from '../compartments/net-space.ts';
import type { GateLink } from '../gate/gate-link.ts';
import type { Logs } from '../logs/logs.ts';
import { type Asked, GatewayLink } from './gateway-link.ts';
import { openIdentity } from './identity.ts';
import { Program, type Start } from './program.ts';

/** The two programs that the warden keeps: how each is started, under whom, with what. */
export interface Ids {
  readonly gateway: number;
  readonly ledger: number;
  /** Set where there is no root: both run as this user, as the warden does. */
  readonly user?: OrdinaryUser;
}

const source = (program: string): string => fileURLToPath(new URL(`../../${program}/main.ts`, import.meta.url));
/** What the gateway's OpenSSL is told that Node has no words for. */
const OPENSSL: string = fileURLToPath(new URL('../../gateway/openssl.cnf', import.meta.url));

function orders({ user, ...ids }: Ids, program: keyof Omit<Ids, 'user'>, args: readonly string[]): Order[] {
  const argv = [process.execPath, '--disable-warning=ExperimentalWarning', source(program), ...args];
  return [
    ...(user ? [{ do: 'rootless' } as const] : []),
    ...(program === 'ledger' ? [{ do: 'emptynet' } as const] : []),
    { do: 'uid', id: ids[program] },
    { do: 'gid', id: user?.gid ?? ids[program] },
    { do: 'umask', mode: '077' },
    ...environment(user, ids[program]),
    ...(program === 'gateway' ? [{ do: 'env', name: 'OPENSSL_CONF', value: OPENSSL } as const] : []),
    ...argv.map((value): Order => ({ do: 'arg', value })),
  ];
}

/** All that a program finds in its environment. Without root the tree need not be the user's, and nothing is kept for it. */
function environment(user: OrdinaryUser | undefined, uid: number): Order[] {
  const variables = { PATH: '/usr/bin:/bin', ...(user ? {} : compiledFor(uid)) };
  return Object.entries(variables).map(([name, value]): Order => ({ do: 'env', name, value }));
}

/** The ledger lives as long as we hold the other end of its lifeline, and has no network. */
export function ledgerProgram(places: Places, ids: Ids, logs: Logs): Program {
  const prepare = (): Start => {
    const lifeline = pipe();
    const ready = pipe();
    const args = [
      ...['--dir', places.ledger, '--socket', places.ledgerSocket, '--gateway-uid', String(ids.gateway)],
      ...(ids.user ? ['--warden-uid', String(ids.user.uid)] : []),
    ];
    return {
      orders: orders(ids, 'ledger', args),
      descriptors: [lifeline.read, ready.write],
      held: [lifeline.write],
      ready: () => word(ready.read),
    };
  };
  return new Program('ledger', prepare, logs.ofProgram('ledger'));
}

/** Programs get their descriptors from 3 on; the first two are the link. */
const IDENTITY_FD = 5;

/** @param onLink  the link of every new gateway, before it is ready */
export function gatewayProgram(
  places: Places,
  ids: Ids,
  logs: Logs,
  netnsOf: (agent: string) => NetSpace | undefined,
  asked: Asked,
  onLink: (link: GatewayLink) => void,
): Program {
  const prepare = (): Start => {
    const link = new GatewayLink(netnsOf, asked);
    onLink(link);
    return {
      orders: orders(ids, 'gateway', [
        ...['--ledger', places.ledgerSocket, '--dir', places.gateway, '--identity', String(IDENTITY_FD)],
      ]),
      // Opened by us, read by it alone: who holds root does not hold the secrets.
      descriptors: [...link.theirs, openIdentity(places)],
      held: [],
      ready: () => link.ready(),
    };
  };
  return new Program('gateway', prepare, logs.ofProgram('gateway'));
}

/** CAP_SYS_PTRACE, to read what a process of an agent was started with; CAP_SYS_NICE, for its one real-time thread (capabilities(7)). */
const GATE_CAPABILITIES: readonly number[] = [19, 23];

/** The exec gate stays root, with two capabilities and no network. Without root it has none: its power over a compartment is that of who
 *  made the namespace around it (user_namespaces(7)), so it cannot go into one of its own, and its filter refuses it a network.
 *  @param opened  the link of a new gate, and what it goes on with: the launchers' end and the flight */
export function gateProgram(
  places: Places,
  user: OrdinaryUser | undefined,
  logs: Logs,
  opened: () => { readonly link: GateLink; readonly more: readonly number[] },
): Program {
  const args = ['--ledger', places.ledgerSocket, '--dir', places.gate, '--pins', places.pins];
  const argv = [process.execPath, '--disable-warning=ExperimentalWarning', source('gate'), ...args];
  const prepare = (): Start => {
    const { link, more } = opened();
    return {
      orders: [
        ...(user ? rootless(user, places) : ROOT),
        { do: 'umask', mode: '077' },
        ...environment(user, 0),
        ...argv.map((value): Order => ({ do: 'arg', value })),
      ],
      descriptors: [...link.theirs, ...more],
      held: [],
      ready: () => link.ready(),
    };
  };
  return new Program('gate', prepare, logs.ofProgram('gate'));
}

const ROOT: readonly Order[] = [
  { do: 'emptynet' },
  { do: 'uid', id: 0 },
  { do: 'gid', id: 0 },
  { do: 'caps', keep: GATE_CAPABILITIES },
];

function rootless({ uid, gid }: OrdinaryUser, { offlineFilter }: Places): Order[] {
  return [{ do: 'rootless' }, { do: 'uid', id: uid }, { do: 'gid', id: gid }, { do: 'filter', path: offlineFilter }];
}

/** Resolves at the first word on a pipe. */
function word(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = createReadStream('', { fd });
    stream.once('data', () => resolve());
    stream.once('end', () => reject(new Error('it ended before it was ready')));
    stream.once('error', reject);
  });
}
