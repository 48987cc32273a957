import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeTree } from '../../src/host/files/mounts.ts';
import { newConnections, sameBody, wholeHandshakes } from '../clients/hey.ts';
import type { Ground } from '../ground.ts';
import { HOST, HTTPS, ORIGIN, pretendedInternet } from '../internet.ts';
import { type Line, line, type Samples } from '../line.ts';
import { load, resolved, type Way } from '../load.ts';
import { mitmproxy } from '../peers/mitmproxy.ts';
import { debianPeers } from '../peers/peers.ts';
import { type Running, squidReading } from '../peers/proxies.ts';
import { processorSeconds, proportionalBytes, treeOf } from '../processes.ts';
import { Stand } from '../stand.ts';
import { summarize, type Target } from '../stats.ts';

/** New connections of one agent are paced, so that the capacity is that of several. */
const AGENTS = ['a', 'b', 'c', 'd'];
const CLIENTS: number = AGENTS.length;
const AT_ONCE = 4;
const OPEN = 1000;
const SQUID = 'squid ssl-bump';
const MITMPROXY = 'mitmproxy';

/** Connections that are read, since a secret is bound to where they go, beside squid and mitmproxy that read them too, and directly. No request uses
 *  the secret: what one costs more is the wait for the disk. */
export async function rows(ground: Ground): Promise<Line[]> {
  const folder = mkdtempSync('/tmp/bh-bench-read-');
  ground.keep(() => removeTree(folder));
  chmodSync(folder, 0o755);
  const hosts = join(folder, 'hosts');
  writeFileSync(hosts, `127.0.0.1 localhost\n${ORIGIN} ${HOST}\n`);
  const server = await pretendedInternet(ground, folder);
  const lacking = await debianPeers(ground); // hey is one of them
  if (lacking !== undefined) throw new Error(lacking);
  const [ours, gateway, ledger] = await ourWay(ground, folder);
  const ways: Way[] = [ours];
  const missing: Record<string, string> = {};
  for (const [name, start] of Object.entries({ [SQUID]: squid, [MITMPROXY]: mitmproxy })) {
    try {
      const { pid, port } = await start(ground, folder, hosts);
      const to = { address: '127.0.0.1', port };
      ways.push({ name, netns: () => undefined, to, connect: true, pids: () => treeOf(pid) });
    } catch (error) {
      missing[name] = (error as Error).message;
    }
  }
  const to = { address: ORIGIN, port: HTTPS };
  ways.push({ name: 'direct', netns: () => undefined, to, connect: false, pids: () => [] });
  const all = new Map(ways.map((way) => [way.name, new Figures()]));
  for (const way of ways) {
    sameBody(way);
    await newConnections(way, ground.count(6, 1), AT_ONCE, CLIENTS);
  }
  for (let round = ground.count(3, 1); round > 0; round--) {
    for (const way of ways) await measure(ground, way, all.get(way.name) as Figures, { server, ledger });
    ways.push(...ways.splice(0, 1)); // nobody is always first
  }
  const mine = all.get('ours') as Figures;
  const told = (what: string, unit: string, target: Target, of: (one: Figures) => number[], first?: string): Line => {
    const names = [SQUID, MITMPROXY, 'direct'].sort((a) => (a === first ? -1 : 0));
    const peers = names.map((name): [string, Samples] => {
      const figures = all.get(name);
      return [name, figures ? of(figures) : (missing[name] ?? 'did not run')];
    });
    return line(what, unit, target, of(mine), Object.fromEntries(peers));
  };
  const direct = summarize((all.get('direct') as Figures).kept).median;
  const later = mine.kept.map((ms) => ms - direct);
  return [
    told('read: new connections, each with a small request', 'per s', { timesAtLeast: 2 }, ({ rate }) => rate),
    told('read: processor time of all of the proxy for each of them', 'ms', { none: true }, ({ proxy }) => proxy),
    line('read: the part of it that is the ledger', 'ms', { none: true }, mine.ledger),
    told('read: processor time of the clients for each', 'ms', { none: true }, ({ client }) => client),
    told('read: processor time of the server for each', 'ms', { none: true }, ({ server }) => server),
    told('read: small requests on connections that stay', 'per s', { timesAtLeast: 1 }, ({ steady }) => steady),
    line('read: the first bytes of an answer come later than directly by', 'ms', { under: 1 }, later),
    told('read: bulk', 'MB/s', { timesAtLeast: 0.4 }, ({ bulk }) => bulk, 'direct'),
    line(`read: memory of the gateway with ${OPEN} open streams`, 'MB', { under: 300 }, await memory(ours, gateway)),
  ];
}

function squid(ground: Ground, folder: string, hosts: string): Promise<Running> {
  return squidReading(ground, folder, hosts, HOST);
}

class Figures {
  readonly rate: number[] = [];
  /** Milliseconds of processor for each new connection: of all processes of the proxy, of our ledger's among them, of the clients, of the server. */
  readonly proxy: number[] = [];
  readonly ledger: number[] = [];
  readonly client: number[] = [];
  readonly server: number[] = [];
  readonly steady: number[] = [];
  /** The median of each round. */
  readonly kept: number[] = [];
  readonly bulk: number[] = [];
}

async function ourWay(ground: Ground, folder: string): Promise<[Way, number, number]> {
  const stand = new Stand(ground);
  // The same request thousands of times over is a loop, and would be refused.
  const agent = `budget: { repeats: any }\n    egress: [{ host: ${HOST}, port: ${HTTPS}, address: ${ORIGIN} }]\n    secrets: { KEY: { secret: api, to: ${HOST} } }`;
  const root = join(folder, 'root.pem');
  writeFileSync(root, readFileSync(join(folder, 'cert.pem')), { mode: 0o644 });
  await stand.up(`${AGENTS.map((name) => `  ${name}:\n    ${agent}\n`).join('')}roots: [${root}]\n`);
  const netns = (client: number): string => stand.netns(AGENTS[client] ?? 'a');
  const address = await resolved(netns(0), HOST);
  for (let client = 1; client < AGENTS.length; client++) await resolved(netns(client), HOST);
  const programs = await stand.programs();
  const [gateway = 0, ledger = 0] = ['gateway', 'ledger'].map((one) => programs.find(({ name }) => name === one)?.pid);
  const pids = (): number[] => [gateway, ledger];
  return [{ name: 'ours', netns, to: { address, port: HTTPS }, connect: false, pids }, gateway, ledger];
}

interface Others {
  readonly server: number;
  readonly ledger: number;
}

async function measure(ground: Ground, way: Way, figures: Figures, { server, ledger }: Others): Promise<void> {
  await opened(ground, way, figures, { proxy: way.pids(), ledger: [ledger], server: [server] });
  const together = await load(way, 'steady', ground.count(3, 1), AT_ONCE, CLIENTS);
  figures.steady.push(together.reduce((sum, done) => sum + done.requests / done.seconds, 0));
  const alone = async (what: 'kept' | 'bulk', amount: number): Promise<readonly number[]> =>
    (await load(way, what, amount, 1, 1)).flatMap(({ samples }) => samples);
  figures.kept.push(summarize(await alone('kept', ground.count(1000, 200))).median);
  figures.bulk.push(...(await alone('bulk', ground.count(1024, 50))));
}

/** New connections, and whose processor time they took. */
async function opened(
  ground: Ground,
  way: Way,
  figures: Figures,
  whose: Readonly<Record<'proxy' | 'ledger' | 'server', readonly number[]>>,
): Promise<void> {
  const used = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + processorSeconds(pid), 0);
  const names = ['proxy', 'ledger', 'server'] as const;
  const before = names.map((name) => used(whose[name]));
  const seconds = ground.count(3, 1);
  const run = (): ReturnType<typeof newConnections> => newConnections(way, seconds, AT_ONCE, CLIENTS);
  const { connections, rate, clientMs } = way.name === 'direct' ? await wholeHandshakes(way, run) : await run();
  figures.rate.push(rate);
  figures.client.push(clientMs);
  for (const [index, name] of names.entries())
    figures[name].push((1000 * (used(whose[name]) - (before[index] ?? 0))) / connections);
}

/** What it takes in all, while so many answers are under way. */
async function memory(way: Way, gateway: number): Promise<number[]> {
  const holding = load(way, 'open', 4, OPEN / CLIENTS, CLIENTS);
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, proportionalBytes(gateway) / 1e6);
  }, 200);
  await holding.finally(() => clearInterval(timer));
  return [most];
}
