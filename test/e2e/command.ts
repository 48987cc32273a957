import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const BULKHEAD: string = fileURLToPath(new URL('../../bulkhead', import.meta.url));
const LATE_MS = 180_000;

/** What one command line said and how it ended. `json` is stdout as JSON, undefined when it is none. */
export interface Result {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into documents of every kind
  readonly json: any;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Result>;
}

export interface Ways {
  readonly input?: string;
  /** Instead of the tree's own `bulkhead`; the first word is the program. */
  readonly program?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts the command line in a process group of its own, so that a test's signals reach what a terminal's would. */
export function start(args: readonly string[], ways: Ways = {}): Started {
  const [program = BULKHEAD, ...first] = ways.program ?? [BULKHEAD];
  const child = spawn(program, [...first, ...args], {
    detached: true,
    cwd: '/',
    env: { PATH: process.env.PATH ?? '', ...ways.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => {});
  child.stdin.end(ways.input ?? '');
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  const late = setTimeout(() => child.kill('SIGKILL'), LATE_MS);
  const ended = new Promise<Result>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => {
      clearTimeout(late);
      resolve({ status, signal, stdout, stderr, json: asJson(stdout) });
    });
  });
  return { child, ended };
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
