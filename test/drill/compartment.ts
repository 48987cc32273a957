import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, closeSync, mkdtempSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentFacts, Args } from '../../src/drill/attack.ts';
import { lentRules } from '../../src/drill/lent.ts';
import { SPARE_UID } from '../../src/drill/spare-uid.ts';
import type { LedgerEntry, Outcome } from '../../src/drill/verdict.ts';
import { type Arena, openArena } from '../../src/host/arena.ts';
import { removeTree } from '../../src/host/files/mounts.ts';
import { socketpair } from '../../src/host/libc.ts';
import { createNetns, deleteNetns, netnsPath, openAgentSockets } from '../../src/host/net/netns.ts';
import type { Lease } from '../../src/model/lent-key.ts';
import type { Compartments, Stage } from '../../src/programs/cli/drill.ts';
import { Client, dial } from '../../src/wire/client.ts';
import { sendDescriptors } from '../../src/wire/handover.ts';
import { type Reachable, type Weakening, withinReach } from '../e2e/within-reach.ts';

/** The network wall without the rest: a machine of its own (a network namespace with an arena), the real gateway and the real
 *  ledger in it, and agents whose texts run as an ordinary uid in a real compartment namespace. */
export interface Bench {
  readonly arena: Arena;
  readonly compartments: Compartments;
  readonly stage: Stage;
  /** Where ledger and gateway keep what they keep. */
  readonly dir: string;
  close(): Promise<void>;
}

const ROOT = new URL('../../', import.meta.url).pathname;
const GATEWAY_UID = SPARE_UID + 1;
const AGENT_UID = SPARE_UID + 2;
const NOTHING: Lease = { rules: [], keys: [] };
const FLAG = '--disable-warning=ExperimentalWarning';

function as(uid: number): string[] {
  return ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--no-new-privs', '--bounding-set=-all'];
}

export function facts(name: string, others: readonly string[]): AgentFacts {
  return {
    name,
    tier: 'sandbox',
    exec: { own: 'never', sets: ['base'], allow: [], ask: 'never' },
    egress: [],
    workspace: { kind: 'own' },
    limits: { memory: 2 ** 30, processes: 100, cpu: 100, disk: 2 ** 30 },
    knowledge: [],
    others,
    rootless: false,
  };
}

/** @param agents  the first is drilled; a second one has grants that the first has not
 *  @param weakenings  of the gateway */
export async function openBench(agents: readonly string[], weakenings: readonly Weakening[] = []): Promise<Bench> {
  const closers: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const product = await withinReach(weakenings);
    closers.push(() => product.close());
    const house = `bhdt-${process.pid}`;
    execFileSync('ip', ['netns', 'add', house]);
    closers.push(() => deleteNetns(house));
    execFileSync('ip', ['-n', house, 'link', 'set', 'lo', 'up']);
    const arena = await openArena({
      house: netnsPath(house),
      metadata: { four: '169.254.169.254', six: 'fd00:ec2::254' },
    });
    closers.push(() => arena.close());
    const dir = mkdtempSync(join(tmpdir(), 'bhdrill-'));
    closers.push(() => removeTree(dir));
    chmodSync(dir, 0o755);
    // The gateway asks the arena's name server, so that a query that leaves is seen.
    writeFileSync(`${dir}/resolv.conf`, 'nameserver 203.0.113.53\noptions timeout:5 attempts:2\n');
    writeFileSync(`${dir}/inside.conf`, 'nameserver 198.18.0.1\noptions timeout:5 attempts:2\n');
    writeFileSync(`${dir}/nsswitch.conf`, 'hosts: files dns\n');

    const ledger = await startLedger(dir, closers);
    const gateway = await startGateway(product, dir, netnsPath(house), closers);
    const spaces = new Map<string, string>();
    for (const agent of agents) {
      const space = `bhda-${process.pid}-${agent}`;
      createNetns(space);
      closers.push(() => deleteNetns(space));
      spaces.set(agent, space);
      const sockets = openAgentSockets(netnsPath(space));
      const fds: number[] = Object.values(sockets);
      sendDescriptors(gateway.descriptors, fds);
      await gateway.client.call('listen', { agent, sockets: Object.keys(sockets) });
      for (const fd of fds) closeSync(fd);
    }
    const leases = new Map<string, Lease>(agents.map((name) => [name, NOTHING]));
    const policy = (): Promise<unknown> =>
      gateway.client.call('policy', {
        agents: [...leases].map(([name, { rules, keys }]) => ({ name, egress: rules.flatMap(lentRules), lent: keys })),
      });
    await policy();

    const compartments: Compartments = {
      facts: async (agent) =>
        facts(
          agent,
          agents.filter((other) => other !== agent),
        ),
      script: (agent, { text, args, timeoutMs }) =>
        runInside(product, netnsPath(spaces.get(agent) ?? ''), dir, text, args, timeoutMs),
      lease: async (agent, lease) => {
        leases.set(agent, lease);
        await policy();
        return async () => {
          leases.set(agent, NOTHING);
          await policy();
        };
      },
      ledgerSize: async () => ((await ledger.call('read', { last: 0 })) as { size: number }).size,
      ledgerSince: async (from, agent) =>
        ((await ledger.call('read', { from, agent })) as { entries: LedgerEntry[] }).entries,
    };
    const args = { ...arena.args, other_agent: agents[1] ?? '' };
    const kept = [`${dir}/ledger`, `${dir}/gateway`];
    const stage: Stage = {
      ...arena,
      recorded: (where) => arena.recorded(where === 'inside' ? kept : undefined),
      inside: () => ({ ...args, key_records: kept.join(':') }),
      outside: () => args,
    };
    return { arena, compartments, stage, dir, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function runInside(
  product: Reachable,
  space: string,
  dir: string,
  text: string,
  args: Args,
  timeoutMs: number,
): Promise<Outcome> {
  const control = join(product.tree, 'src/host/arena/control.pl');
  const bind =
    'mount --bind "$0/inside.conf" /etc/resolv.conf; mount --bind "$0/nsswitch.conf" /etc/nsswitch.conf; exec "$@"';
  const argv = [`--net=${space}`, 'unshare', '--mount', 'sh', '-c', bind, dir, ...as(AGENT_UID), 'perl', control];
  const child = spawn('nsenter', argv, {
    stdio: ['pipe', 'pipe', 'inherit'],
    cwd: '/',
    detached: true,
    env: { PATH: process.env.PATH },
  });
  const hex = (value: string): string => Buffer.from(value).toString('hex');
  const sets = Object.entries(args).map(([name, value]) => `set\t${name}\t${hex(value)}\n`);
  child.stdin.end(`${sets.join('')}text\t${hex(text)}\n`);
  let stdout = '';
  let timedOut = false;
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString('latin1');
  });
  const timer = setTimeout(() => {
    timedOut = true;
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, timeoutMs);
  return new Promise((resolve) => {
    child.on('close', () => {
      clearTimeout(timer);
      resolve({ stdout, timedOut });
    });
  });
}

async function startLedger(dir: string, closers: (() => unknown)[]): Promise<Client> {
  const argv = [join(ROOT, 'src/programs/ledger/main.ts'), '--dir', `${dir}/ledger`, '--socket', `${dir}/ledger.sock`];
  const child = spawn(process.execPath, [FLAG, ...argv, '--gateway-uid', String(GATEWAY_UID)], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'pipe'],
  });
  closers.push(() => ended(child, () => (child.stdio[3] as Socket).end()));
  await new Promise<void>((resolve, reject) => {
    child.stdio[4]?.once('data', () => resolve());
    child.once('exit', (code) => reject(new Error(`the ledger ended with ${code}`)));
  });
  const client = await dial(`${dir}/ledger.sock`);
  closers.push(() => client.close());
  return client;
}

async function startGateway(
  product: Reachable,
  dir: string,
  house: string,
  closers: (() => unknown)[],
): Promise<{ client: Client; descriptors: number }> {
  const state = `${dir}/gateway`;
  execFileSync('mkdir', ['-m', '700', state]);
  chownSync(state, GATEWAY_UID, GATEWAY_UID);
  const pair = Buffer.alloc(8);
  if (socketpair(1, 2, 0, pair) !== 0) throw new Error('no socket pair'); // AF_UNIX, SOCK_DGRAM
  const [ours, theirs] = [pair.readInt32LE(0), pair.readInt32LE(4)];
  const bind =
    'mount --bind "$0/resolv.conf" /etc/resolv.conf; mount --bind "$0/nsswitch.conf" /etc/nsswitch.conf; exec "$@"';
  const program = join(product.tree, 'src/programs/gateway/main.ts');
  const main = [product.node, FLAG, program, '--ledger', `${dir}/ledger.sock`, '--dir', state];
  const child = spawn(
    'nsenter',
    [`--net=${house}`, 'unshare', '--mount', 'sh', '-c', bind, dir, ...as(GATEWAY_UID), ...main],
    {
      stdio: ['ignore', 'inherit', 'inherit', 'pipe', theirs],
    },
  );
  closeSync(theirs);
  const client = new Client(child.stdio[3] as Socket);
  closers.push(() => closeSync(ours));
  closers.push(() => ended(child, () => client.close()));
  return { client, descriptors: ours };
}

/** Ends a program by closing its lifeline; a program that stays gets killed. */
function ended(child: ChildProcess, hangUp: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
  return new Promise((resolve) => {
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    hangUp();
  });
}
