import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { removeTree } from '../../src/host/files/mounts.ts';
import { dialLedger, type LedgerClient } from '../../src/wire/ledger-client.ts';
import type { Ground } from '../ground.ts';
import { type Line, line } from '../line.ts';

const TOP_LEVEL = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const ENTRY = {
  event: 'command.started',
  agent: 'coder',
  argv: ['git', 'status', '--short'],
  cwd: '/workspace',
  pid: 4711,
};
const WRITERS = 64;

/** The real ledger over its real socket, beside one program that appends and syncs by itself on the same file system. */
export async function rows(ground: Ground): Promise<Line[]> {
  const home = mkdtempSync('/var/lib/bh-bench-ledger-');
  ground.keep(() => removeTree(home));
  const ledger = await started(ground, home);
  const [alone, together]: [number[], number[]] = [[], []];
  for (let round = ground.count(5, 2); round > 0; round--) {
    alone.push(appendAndSync(join(home, 'alone'), ground.count(2, 0.5)));
    together.push(await acknowledged(ledger.socket, ground.count(4, 1)));
  }
  const lines = [
    line(`ledger: acknowledged records, ${WRITERS} writers`, 'per s', { timesAtLeast: 5 }, together, {
      'append + fdatasync': alone,
    }),
    ...(await filled(ground, ledger, ground.count(1_000_000, 20_000), ground.extent.quick ? undefined : 10)),
  ];
  await ledger.end();
  if (ground.extent.long) lines.push(...(await large(ground)));
  return lines;
}

interface Running {
  readonly home: string;
  readonly socket: string;
  /** Milliseconds until it served. */
  readonly readyMs: number;
  readonly end: () => Promise<void>;
}

async function started(ground: Ground, home: string): Promise<Running> {
  const socket = join(home, 'ledger.sock');
  const argv = ['--dir', join(home, 'ledger'), '--socket', socket, '--gateway-uid', '64901'];
  const begun = performance.now();
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', TOP_LEVEL('src/programs/ledger/main.ts'), ...argv],
    { stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'pipe'] },
  );
  const gone = once(child, 'exit');
  const end = async (): Promise<void> => {
    (child.stdio[3] as Writable).end();
    await gone;
  };
  ground.keep(() => (child.exitCode === null ? end() : undefined));
  await once(child.stdio[4] as NodeJS.ReadableStream, 'data');
  return { home, socket, readyMs: performance.now() - begun, end };
}

/** @returns records a second of the size of ours, each on disk before the next */
function appendAndSync(path: string, seconds: number): number {
  const fd = openSync(path, 'a');
  const bytes = Buffer.alloc(250, 'x');
  const begun = performance.now();
  let count = 0;
  for (; performance.now() - begun < 1000 * seconds; count++) {
    writeSync(fd, bytes);
    fdatasyncSync(fd);
  }
  closeSync(fd);
  return count / seconds;
}

async function acknowledged(socket: string, seconds: number): Promise<number> {
  const clients = await Promise.all(Array.from({ length: WRITERS }, () => dialLedger(socket)));
  let count = 0;
  const begun = performance.now();
  const write = async (client: LedgerClient): Promise<void> => {
    for (; performance.now() - begun < 1000 * seconds; count++) await client.append([ENTRY], 'acknowledged');
  };
  await Promise.all(clients.map(write));
  const took = (performance.now() - begun) / 1000;
  for (const client of clients) client.close();
  return count / took;
}

/** Fills it up, then verifies a whole ledger of that size in a process of its own.
 *  @param under  seconds that verifying may take */
async function filled(ground: Ground, ledger: Running, records: number, under: number | undefined): Promise<Line[]> {
  const client = await dialLedger(ledger.socket);
  const begun = performance.now();
  for (let done = 0; done < records; done += 1000) await client.append(Array(1000).fill(ENTRY), 'acknowledged');
  const rate = records / ((performance.now() - begun) / 1000);
  client.close();
  await ledger.end();
  ground.say(`verifying ${records} records`);
  const took = await verified(ledger.home);
  const size = records.toLocaleString('en');
  return [
    line('ledger: records written 1,000 at a time', 'per s', { none: true }, [rate]),
    line(`ledger: verify ${size} records`, 's', under === undefined ? { none: true } : { under }, [took]),
  ];
}

/** @returns seconds, the start of the process among them */
async function verified(home: string): Promise<number> {
  const begun = performance.now();
  const command = ['ledger', 'verify', join(home, 'ledger')];
  const child = spawn(TOP_LEVEL('bulkhead'), command, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`the ledger does not verify: ${said.trim()}`);
  return (performance.now() - begun) / 1000;
}

/** How it goes with ten million entries. */
async function large(ground: Ground): Promise<Line[]> {
  const home = mkdtempSync('/var/lib/bh-bench-ledger-');
  ground.keep(() => removeTree(home));
  const { bavail, bsize } = statfsSync(home);
  if (bavail * bsize < 8e9)
    return [line('ledger: verify 10,000,000 records', 's', { none: true }, [], {}, 'less than 8 GB of disk are free')];
  const lines = await filled(ground, await started(ground, home), 10_000_000, undefined);
  const again = await started(ground, home);
  const rate = await acknowledged(again.socket, 4);
  await again.end();
  return [
    ...lines,
    line('ledger of 10,000,000: started', 's', { none: true }, [again.readyMs / 1000]),
    line(`ledger of 10,000,000: acknowledged records, ${WRITERS} writers`, 'per s', { none: true }, [rate]),
  ];
}
