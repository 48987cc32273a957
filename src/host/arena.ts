import { randomBytes, randomInt } from 'node:crypto';
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import type { Args, Positive } from '../drill/attack.ts';
import { CLOCK_RULE, RULED_HOST } from '../drill/lent.ts';
import { PRELUDE } from '../drill/prelude.ts';
import { SPARE_UID } from '../drill/spare-uid.ts';
import { Failure } from '../model/failure.ts';
import type { EgressRule } from '../model/fleet.ts';
import { KEYED_HOST, type Lease } from '../model/lent-key.ts';
import { DOOR_PORT } from '../tiers/host-net.ts';
import { control, type Spoken } from './arena/control.ts';
import { type Crew, crew } from './arena/crew.ts';
import { DOOR, farOrders, houseOrders } from './arena/orders.ts';
import { holding } from './arena/recorded.ts';
import { bareSpace, farSpace, HOUSE_ADDRESS, type Space, sweep } from './arena/space.ts';
import { removeTree } from './files/mounts.ts';

/** The hosts that the drill attacks, all of its own making: a network namespace with documentation addresses that is one hop
 *  away from the machine ("far"), services on the machine's own loopback ("house"), and the places where the positive controls
 *  run. If a wall is down, what gets out ends here and is counted. */
export interface Arena {
  /** `%A` of a text that runs inside a compartment. Other parts of the drill add theirs. */
  readonly args: Args;
  /** What the drilled agent is granted for the time of the drill: only the arena's own services, each pinned to its address. */
  readonly lease: Lease;
  /** What another agent is granted, and the drilled one is not; a key of its own in place of the same value. */
  readonly otherLease: Lease;
  /** All counters now. A name that never moved is absent: take it for 0. */
  watches(): Promise<Readonly<Record<string, number>>>;
  /** How many files have the lent key in them, however it is written.
   *  @param paths  absent: what the proxies without policy wrote down */
  recorded(paths?: readonly string[]): Promise<number>;
  /** Runs `text` (without prelude) where the wall is absent.
   *  @param args  instead of `args`; milliseconds */
  control(where: Positive, text: string, timeoutMs: number, args?: Args): Promise<Spoken>;
  close(): Promise<void>;
}

export interface ArenaOptions {
  /** The network namespace that stands for the machine: where gateway and positive controls are. Absent: the runner's own. */
  readonly house?: string;
  /** The address of cloud metadata. The real one only where nothing else can be meant (tests in a namespace of their own). */
  readonly metadata?: { readonly four: string; readonly six: string };
}

function lentText(what: 'stand' | 'value'): string {
  return `drill-${what}-${randomBytes(16).toString('hex')}`;
}

/** @throws Failure without root, without ip(8), or when another drill holds the documentation addresses */
export async function openArena(options: ArenaOptions = {}): Promise<Arena> {
  if (process.getuid?.() !== 0)
    throw new Failure(
      'drill-needs-root',
      'the drill makes a network of its own, which needs root',
      'Run: sudo bulkhead drill',
      3,
    );
  const metadata = options.metadata ?? { four: '169.254.77.254', six: 'fd00:ec2:ffff::254' };
  const id = `bhdrill-${process.pid}`;
  const folder = `/run/${id}`;
  const closers: (() => void | Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    sweep(options.house);
    mkdirSync(folder, { mode: 0o755 });
    closers.push(() => removeTree(folder));
    const far: Space = farSpace(id, options.house, metadata);
    closers.push(far.close);
    const bare: Space = bareSpace(`${id}-bare`);
    closers.push(bare.close);

    const token = `reached-${randomBytes(8).toString('hex')}`;
    const allowToken = `welcome-${randomBytes(8).toString('hex')}`;
    const [stand, otherStand] = [lentText('stand'), lentText('stand')];
    const value = lentText('value');
    const record = `${folder}/record`;
    writeFileSync(record, '', { mode: 0o644 });
    chownSync(record, SPARE_UID, SPARE_UID);
    const refresh = lentText('value');
    const key = { stands: [stand, otherStand], value, refresh, record };
    const mark = randomBytes(4).toString('hex');
    const shape = { token, mark, allowToken, metadata, folder, house: HOUSE_ADDRESS, key };
    const house: Crew = await crew(options.house, { uid: SPARE_UID, list: houseOrders(shape) });
    closers.push(house.close);
    const outside: Crew = await crew(far.path, { uid: SPARE_UID, list: farOrders(shape, Object.values(house.ports)) });
    closers.push(outside.close);

    const port = (name: string): string => String(house.ports[name]);
    const args: Args = {
      token,
      allow_token: allowToken,
      canary: `c${randomBytes(10).toString('hex')}`,
      clock_host: CLOCK_RULE.host,
      clock_mark: mark,
      deny_host: 'deny.test',
      deny_ip: '203.0.113.1',
      deny_ip6: '2001:db8::1',
      dns_ip: '203.0.113.8',
      lan_ip: '198.51.100.20',
      house_ip: HOUSE_ADDRESS,
      metadata_ip: metadata.four,
      metadata_ip6: metadata.six,
      metadata_host: 'metadata.test',
      allow_host: 'allow.test',
      allow_port: port('allow'),
      wild_host: 'wild.test',
      wild_port: port('wild'),
      secure_host: 'secure.test',
      rules_host: RULED_HOST,
      rules_port: port('rules'),
      keyed_host: KEYED_HOST,
      keyed_port: port('keyed'),
      key_stand: stand,
      other_stand: otherStand,
      key_value: value,
      key_refresh: refresh,
      key_records: record,
      private_port: port('private'),
      private_port6: port('private6'),
      private_udp_port: port('privateUdp'),
      other_host: 'other.test',
      other_port: port('other'),
      proxy_host: 'bulkhead.internal',
      other_door: DOOR,
      door_port: String(DOOR_PORT),
      meet_port: String(randomInt(20_000, 30_000)), // below what the kernel gives out by itself,
      resolver_socket: `${folder}/resolve.sock`,
    };
    const pinned = (host: string, name: string): EgressRule => ({
      host,
      port: Number(port(name)),
      address: '127.0.0.1',
    });
    return {
      args,
      lease: {
        rules: [
          pinned('allow.test', 'allow'),
          pinned('*.wild.test', 'wild'),
          pinned(RULED_HOST, 'rules'),
          pinned(KEYED_HOST, 'keyed'),
          { host: 'secure.test', port: 443, address: '198.51.100.44' },
          CLOCK_RULE,
          // Not pinned, and its address is 127.0.0.1: an allowed name that turns out to be the machine itself.
          { host: 'localhost', port: Number(port('private')) },
        ],
        keys: [{ port: Number(port('keyed')), stand, value, refresh }],
      },
      otherLease: {
        rules: [pinned('other.test', 'other'), pinned(KEYED_HOST, 'keyed')],
        keys: [{ port: Number(port('keyed')), stand: otherStand, value, refresh }],
      },
      watches: async () => {
        const near = await house.counts();
        const away = await outside.counts();
        const sum: Record<string, number> = {};
        for (const [name, count] of [...Object.entries(near), ...Object.entries(away)])
          if (name !== 'icmp') sum[name] = (sum[name] ?? 0) + count;
        return { ...sum, icmp: away.icmp ?? 0 };
      },
      recorded: (paths = [record]) => holding(paths, value),
      control: (where, text, timeoutMs, other) =>
        control(
          { house: options.house, bare: bare.path, far: far.path, folder, uid: SPARE_UID },
          where,
          PRELUDE + text,
          { ...args, ...other },
          timeoutMs,
        ),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
