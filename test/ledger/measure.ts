// node test/ledger/measure.ts [SECONDS] [RECORDS]: the figures of the ledger on this machine, over the real socket.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { removeTree } from '../../src/host/files/mounts.ts';
import { verifyLedger } from '../../src/programs/ledger/verify.ts';
import { dialLedger, type Strength } from '../../src/wire/ledger-client.ts';

const seconds = Number(process.argv[2] ?? 4);
const records = Number(process.argv[3] ?? 1_000_000);
const entry = {
  event: 'command.started',
  agent: 'coder',
  argv: ['git', 'status', '--short'],
  cwd: '/workspace',
  pid: 4711,
};
const home = mkdtempSync(join(tmpdir(), 'bulkhead-ledger-measure-'));
const socket = join(home, 'ledger.sock');
const main = fileURLToPath(new URL('../../src/programs/ledger/main.ts', import.meta.url));
const argv = [main, '--dir', join(home, 'ledger'), '--socket', socket, '--gateway-uid', '64901'];
const child = spawn(process.execPath, argv, { stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'pipe'] });

/** What one program alone gets: append, fdatasync, again. */
function alone(): number {
  const fd = openSync(join(home, 'alone'), 'a');
  const bytes = Buffer.alloc(250, 'x');
  let count = 0;
  for (const end = performance.now() + 1000; performance.now() < end; count++) {
    writeSync(fd, bytes);
    fdatasyncSync(fd);
  }
  closeSync(fd);
  return count;
}

async function together(writers: number, strength: Strength): Promise<number> {
  const clients = await Promise.all(Array.from({ length: writers }, () => dialLedger(socket)));
  const took: number[] = [];
  const end = performance.now() + 1000 * seconds;
  const write = async (client: (typeof clients)[number]): Promise<void> => {
    for (let begin = performance.now(); begin < end; begin = performance.now()) {
      await client.append([entry], strength);
      took.push(performance.now() - begin);
    }
  };
  await Promise.all(clients.map(write));
  for (const client of clients) client.close();
  took.sort((a, b) => a - b);
  const at = (part: number): string => (took[Math.floor(took.length * part)] as number).toFixed(3);
  const rate = Math.round(took.length / seconds);
  console.log(`${writers} writers, ${strength}: ${rate}/s, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
  return rate;
}

async function fill(): Promise<void> {
  const client = await dialLedger(socket);
  const begin = performance.now();
  for (let done = 0; done < records; done += 1000) await client.append(Array(1000).fill(entry), 'acknowledged');
  console.log(`batches of 1000: ${Math.round(records / ((performance.now() - begin) / 1000))}/s`);
  client.close();
}

try {
  await once(child.stdio[4] as NodeJS.ReadableStream, 'data');
  for (let round = 0; round < 2; round++) {
    const one = alone();
    const rate = await together(64, 'acknowledged');
    console.log(`one program's append and fdatasync: ${one}/s; 64 writers get ${(rate / one).toFixed(1)} times that`);
  }
  await together(64, 'accepted');
  await together(1, 'accepted');
  await together(1, 'acknowledged');
  await fill();
  (child.stdio[3] as Writable).end();
  await once(child, 'exit');
  const begin = performance.now();
  const cpu = process.cpuUsage();
  const result = await verifyLedger(join(home, 'ledger'));
  const { user, system } = process.cpuUsage(cpu);
  const took = `${Math.round(performance.now() - begin)} ms (${Math.round((user + system) / 1000)} ms of processor)`;
  console.log(`verify: ${result.ok ? `${result.size} entries` : 'FAILED'} in ${took}`);
} finally {
  child.kill();
  removeTree(home);
}
