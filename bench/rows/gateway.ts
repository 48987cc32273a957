import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeTree } from '../../src/host/files/mounts.ts';
import type { Job } from '../clients/tls-client.ts';
import type { Ground } from '../ground.ts';
import { HOST, HTTPS, ORIGIN, pretendedInternet } from '../internet.ts';
import { type Line, line, type Samples } from '../line.ts';
import { load, resolved, type Way } from '../load.ts';
import { debianPeers } from '../peers/peers.ts';
import { type Running, squid, tinyproxy } from '../peers/proxies.ts';
import { processorSeconds, treeOf } from '../processes.ts';
import { Stand } from '../stand.ts';
import { summarize, type Target } from '../stats.ts';

/** New connections of one agent are paced, so that the capacity is that of several. */
const AGENTS = ['a', 'b', 'c', 'd'];
const CLIENTS: number = AGENTS.length;
const AT_ONCE = 4;

/** TLS through the gateway as agents get there (transparently), and by CONNECT, beside two proxies that others rely on. Each logs
 *  or records every connection, and allows one name. */
export async function rows(ground: Ground): Promise<Line[]> {
  const folder = mkdtempSync('/tmp/bh-bench-gateway-');
  ground.keep(() => removeTree(folder));
  chmodSync(folder, 0o755);
  const hosts = join(folder, 'hosts');
  writeFileSync(hosts, `127.0.0.1 localhost\n${ORIGIN} ${HOST}\n`);
  await pretendedInternet(ground, folder);
  const missing: Record<string, string> = {};
  const ways = [...(await ourWays(ground)), ...(await theirWays(ground, folder, hosts, missing)), DIRECT];
  const all = new Map(ways.map((way) => [way.name, new Figures()]));
  // A proxy runs for weeks: what only its first thousand connections cost (code that is compiled once) is not what is asked.
  for (const way of ways) await load(way, 'connections', ground.count(8, 0.3), AT_ONCE, CLIENTS);
  for (let round = ground.count(3, 1); round > 0; round--) {
    for (const way of ways) await measure(ground, way, all.get(way.name));
    ways.push(...ways.splice(0, 2)); // nobody is always first, or always after the same one
  }
  const peers = (of: (figures: Figures) => readonly number[]): Record<string, Samples> =>
    Object.fromEntries(
      ['squid CONNECT', 'tinyproxy CONNECT', 'ours by CONNECT', 'direct'].map((name) => {
        const figures = all.get(name);
        return [name, figures ? of(figures) : (missing[name] ?? 'did not run')];
      }),
    );
  const told = (what: string, unit: string, target: Target, of: (figures: Figures) => readonly number[]): Line =>
    line(what, unit, target, of(all.get('ours') ?? new Figures()), peers(of));
  return [
    told('gateway: new TLS connections, each with a small request', 'per s', { timesAtLeast: 1 }, ({ rate }) => rate),
    told('gateway: small request on a new connection, p99', 'ms', { timesAtMost: 1 }, ({ fresh }) => fresh),
    told('gateway: small request on an open connection, p99', 'ms', { timesAtMost: 1 }, ({ kept }) => kept),
    told('gateway: bulk', 'MB/s', { timesAtLeast: 1 }, ({ bulk }) => bulk),
    told('gateway: processor for 10,000 requests', 's', { timesAtMost: 1.3 }, ({ processor }) => processor),
    told('gateway and ledger: processor for 10,000 requests', 's', { none: true }, ({ withLedger }) => withLedger),
  ];
}

class Figures {
  readonly rate: number[] = [];
  /** The 99th percentile of each round. */
  readonly fresh: number[] = [];
  readonly kept: number[] = [];
  readonly bulk: number[] = [];
  readonly processor: number[] = [];
  readonly withLedger: number[] = [];
}

async function ourWays(ground: Ground): Promise<Way[]> {
  const stand = new Stand(ground);
  const rule = `egress: [{ host: ${HOST}, port: ${HTTPS}, address: ${ORIGIN} }]`;
  await stand.up(AGENTS.map((name) => `  ${name}:\n    ${rule}\n`).join(''));
  const programs = await stand.programs();
  const pid = (name: string): number => programs.find((program) => program.name === name)?.pid ?? 0;
  const netns = (client: number): string => stand.netns(AGENTS[client] ?? 'a');
  const pids = (): number[] => [pid('gateway'), pid('ledger')];
  // Every agent's first name has the same synthetic address; bulkhead.internal has another.
  const [address, proxy] = [await resolved(netns(0), HOST), await resolved(netns(0), 'bulkhead.internal')];
  for (let client = 1; client < AGENTS.length; client++) await resolved(netns(client), HOST);
  return [
    { name: 'ours', netns, to: { address, port: HTTPS }, connect: false, pids },
    { name: 'ours by CONNECT', netns, to: { address: proxy, port: 3128 }, connect: true, pids },
  ];
}

async function theirWays(
  ground: Ground,
  folder: string,
  hosts: string,
  missing: Record<string, string>,
): Promise<Way[]> {
  const ways: Way[] = [];
  const absent = await debianPeers(ground);
  for (const [name, start] of Object.entries({ 'squid CONNECT': squid, 'tinyproxy CONNECT': tinyproxy })) {
    try {
      if (absent !== undefined) throw new Error(absent);
      const { pid, port }: Running = await start(ground, folder, hosts, HOST);
      const to = { address: '127.0.0.1', port };
      ways.push({ name, netns: () => undefined, to, connect: true, pids: () => treeOf(pid) });
    } catch (error) {
      missing[name] = (error as Error).message;
    }
  }
  return ways;
}

const DIRECT: Way = {
  name: 'direct',
  netns: () => undefined,
  to: { address: ORIGIN, port: HTTPS },
  connect: false,
  pids: () => [],
};

async function measure(ground: Ground, way: Way, figures: Figures | undefined): Promise<void> {
  if (!figures) return;
  const before = way.pids().map((pid) => processorSeconds(pid));
  const together = await load(way, 'connections', ground.count(3, 1), AT_ONCE, CLIENTS);
  const spent = way.pids().map((pid, index) => processorSeconds(pid) - (before[index] ?? 0));
  const requests = together.reduce((sum, done) => sum + done.requests, 0);
  figures.rate.push(together.reduce((sum, done) => sum + done.requests / done.seconds, 0));
  const total = spent.reduce((sum, seconds) => sum + seconds, 0);
  const proxyAlone = way.name.startsWith('ours') ? (spent[0] ?? 0) : total;
  if (spent.length > 0) {
    figures.processor.push((proxyAlone / requests) * 10_000);
    figures.withLedger.push((total / requests) * 10_000);
  }
  const alone = async (what: Job['what'], amount: number): Promise<readonly number[]> =>
    (await load(way, what, amount, 1, 1)).flatMap(({ samples }) => samples);
  figures.fresh.push(summarize(await alone('fresh', ground.count(400, 50))).p99);
  figures.kept.push(summarize(await alone('kept', ground.count(1000, 200))).p99);
  figures.bulk.push(...(await alone('bulk', ground.count(300, 50))));
}
