import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Orders } from './targets.ts';

/** A process that serves targets inside one network namespace; it ends when its input does, so it never outlives us. */
export interface Crew {
  readonly ports: Readonly<Record<string, number>>;
  counts(): Promise<Readonly<Record<string, number>>>;
  readonly close: () => Promise<void>;
}

const TARGETS = fileURLToPath(new URL('./targets.ts', import.meta.url));

/** @throws Error with what the process said when it cannot serve (an address in use) */
export async function crew(space: string | undefined, orders: Orders): Promise<Crew> {
  const argv = [process.execPath, '--disable-warning=ExperimentalWarning', TARGETS, JSON.stringify(orders)];
  const [command = '', ...rest] = space === undefined ? argv : ['nsenter', `--net=${space}`, ...argv];
  const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: process.env.PATH ?? '' } });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  child.stdin.on('error', () => {}); // it ended: the next line that is waited for says so
  const waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  let ended: Error | undefined;
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.resolve(line));
  const gone = new Promise<void>((resolve) => {
    child.on('close', () => {
      ended = new Error(`the drill's targets ended: ${complaint.trim()}`);
      for (const one of waiting.splice(0)) one.reject(ended);
      resolve();
    });
  });
  const line = (): Promise<string> =>
    new Promise((resolve, reject) => (ended ? reject(ended) : void waiting.push({ resolve, reject })));
  const { ports } = JSON.parse(await line()) as { ports: Record<string, number> };
  return {
    ports,
    counts: async () => {
      const answer = line();
      child.stdin.write('counts\n');
      return JSON.parse(await answer) as Record<string, number>;
    },
    close: async () => {
      child.stdin.end();
      await gone;
    },
  };
}
