import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { removeTree } from '../../src/host/files/mounts.ts';
import { dialLedger, type LedgerClient } from '../../src/wire/ledger-client.ts';

const MAIN = fileURLToPath(new URL('../../src/programs/ledger/main.ts', import.meta.url));
export const GATEWAY_UID = 64_901;

export interface Running {
  readonly child: ChildProcess;
  readonly dir: string;
  readonly socket: string;
  readonly stderr: () => string;
  readonly exited: Promise<readonly [number | null, NodeJS.Signals | null]>;
}

/** Hooks run in the order they were given, and a folder must outlast the processes in it: so it ends them itself. */
const stops = new WeakMap<TestContext, (() => Promise<void>)[]>();

/** A folder that goes with the test, and with it the processes that were started in it. */
export function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'bulkhead-ledger-test-'));
  const ours = stops.get(t) ?? [];
  stops.set(t, ours);
  t.after(async () => {
    await Promise.all(ours.map((stop) => stop()));
    removeTree(path);
  });
  return path;
}

/** Starts the real program. @param before  words to put before it, such as strace and its options
 *  @returns undefined where it ended before it was ready */
export async function start(
  t: TestContext,
  home: string,
  before: readonly string[] = [],
): Promise<Running | undefined> {
  const dir = join(home, 'ledger');
  const socket = join(home, 'ledger.sock');
  const argv = [...before, process.execPath, MAIN, '--dir', dir, '--socket', socket, '--gateway-uid', `${GATEWAY_UID}`];
  // Under a tracer that counts calls, none of them are to be for what Node keeps of its own.
  const env = before.length === 0 ? process.env : { ...process.env, NODE_COMPILE_CACHE: undefined };
  const child = spawn(argv[0] as string, argv.slice(1), { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'], env });
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  for (const stream of [child.stdio[3], child.stdio[4]]) stream?.on('error', () => {});
  const ours = stops.get(t);
  if (ours === undefined) throw new Error('a ledger is started in a folder of its test');
  ours.push(async () => {
    if (child.exitCode === null && child.signalCode === null) (child.stdio[3] as Writable).end();
    const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
    await exited;
    clearTimeout(timer);
  });
  const ready = once(child.stdio[4] as NodeJS.ReadableStream, 'data').then(() => true);
  if (!(await Promise.race([ready, exited.then(() => false)]))) {
    t.diagnostic(`the ledger ended before it was ready: ${stderr.trim()}`);
    return undefined;
  }
  return { child, dir, socket, stderr: () => stderr, exited };
}

export async function started(t: TestContext, home: string, before: readonly string[] = []): Promise<Running> {
  const running = await start(t, home, before);
  if (running === undefined) throw new Error('the ledger ended before it was ready');
  return running;
}

export async function connect(t: TestContext, running: Running): Promise<LedgerClient> {
  const client = await dialLedger(running.socket);
  t.after(() => client.close());
  return client;
}

/** The supervisor's clean end. */
export async function finish(running: Running): Promise<number | null> {
  (running.child.stdio[3] as Writable).end();
  return (await running.exited)[0];
}

export async function kill(running: Running): Promise<void> {
  running.child.kill('SIGKILL');
  await running.exited;
}

export interface Read {
  readonly entries: readonly { readonly index: number; readonly [field: string]: unknown }[];
  readonly size: number;
  readonly next?: number;
}

export async function read(client: LedgerClient, body: object): Promise<Read> {
  return (await client.client.call('read', body)) as Read;
}

export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const late = Date.now() + 60_000; !(await holds()); await sleep(20)) assert.ok(Date.now() < late, what);
}

/** Waits for a signed head that covers so many entries: its files are in place, and those that it does not need are gone. */
export async function signed(client: LedgerClient, size: number): Promise<void> {
  const covers = async (): Promise<boolean> => ((await client.client.call('head')) as { size: number }).size >= size;
  await until(covers, `no head covers ${size} entries`);
}

/** Every entry, page by page. */
export async function readAll(client: LedgerClient): Promise<Read['entries']> {
  const entries: Read['entries'][number][] = [];
  for (let from: number | undefined = 0; from !== undefined; ) {
    const page: Read = await read(client, { from, most: 10_000 });
    entries.push(...page.entries);
    from = page.next;
  }
  return entries;
}
