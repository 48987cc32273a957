import { type ChildProcess, spawn } from 'node:child_process';
import { BULKHEAD } from './command.ts';
import type { Stand } from './stand.ts';

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly ms: number;
}

export interface Piped {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

const LATE_MS = 60_000;

/** `bulkhead run` with bytes as they are.
 *  @param ways.input  written and ended; null: stdin stays open and silent
 *  @param ways.slowMs  how long we let its output stand before we read it */
export function piped(
  { state, env }: Stand,
  agent: string,
  argv: readonly string[],
  ways: { readonly input?: Buffer | null; readonly env?: Record<string, string>; readonly slowMs?: number } = {},
): Piped {
  const begun = performance.now();
  const child = spawn(BULKHEAD, ['run', '--state', state, agent, '--', ...argv], {
    detached: true,
    cwd: '/',
    env: { PATH: process.env.PATH ?? '', ...env, ...ways.env },
    stdio: 'pipe',
  });
  child.stdin.on('error', () => {});
  if (ways.input !== null) child.stdin.end(ways.input ?? '');
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  const listen = (): unknown => child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  // At once: what nobody listens to when the child ends is thrown away by Node.
  if (ways.slowMs === undefined) listen();
  else setTimeout(listen, ways.slowMs);
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const late = setTimeout(() => child.kill('SIGKILL'), LATE_MS);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => {
      clearTimeout(late);
      const ms = performance.now() - begun;
      resolve({ status, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr), ms });
    });
  });
  return { child, ended };
}
