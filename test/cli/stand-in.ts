import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeTree } from '../../src/host/files/mounts.ts';
import { perform } from '../../src/programs/cli/perform.ts';
import { type Request, serve } from '../../src/wire/serve.ts';

/** A state with a warden and a ledger that give fixed answers over real sockets: what is tested is how the command line asks and
 *  what it shows. */
export interface StandIn {
  readonly state: string;
  /** Requests in the order they came: `warden agent.pause {"agent":"coder"}`. */
  readonly asked: string[];
  [Symbol.asyncDispose](): Promise<void>;
}

export type Answers = Readonly<
  Record<string, (body: Readonly<Record<string, unknown>>, notify: (frame: object) => void) => unknown>
>;

export async function standIn(warden: Answers | undefined, ledger?: Answers): Promise<StandIn> {
  const state = mkdtempSync(join(tmpdir(), 'bh-cli-'));
  mkdirSync(join(state, 'run/ledger'), { recursive: true });
  writeFileSync(join(state, 'format'), '1\n');
  const asked: string[] = [];
  const sockets: { destroy(): void }[] = [];
  const start = async (program: string, path: string, answers: Answers) => {
    const requests: Record<string, Request<'root'>> = {};
    for (const [name, answer] of Object.entries(answers))
      requests[name] = {
        from: ['root'],
        answer: ({ id: _, do: __, ...body }, connection) => {
          sockets.push(connection.socket);
          asked.push(`${program} ${name} ${JSON.stringify(body)}`);
          return answer(body, (frame) => connection.notify(frame));
        },
      };
    const onBug = (error: unknown): void => {
      throw error;
    };
    return serve({ path, mode: 0o600, who: () => 'root' as const, requests, onBug });
  };
  const servers = [
    ...(warden ? [await start('warden', join(state, 'run/warden.sock'), warden)] : []),
    ...(ledger ? [await start('ledger', join(state, 'run/ledger/ledger.sock'), ledger)] : []),
  ];
  return {
    state,
    asked,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      for (const server of servers) await new Promise((done) => server.close(done));
      removeTree(state);
    },
  };
}

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number | null;
}

export const MAIN: string = fileURLToPath(new URL('../../src/programs/cli/main.ts', import.meta.url));

/** One command line, as a process, without a terminal. @param until  ends it when it has printed that
 *  @param seen  is told all it has printed, each time it prints
 *  @param input  on its standard input; without one that is empty */
export function bulkhead(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  until?: string,
  seen: (stdout: string) => void = () => {},
  input: string = '',
): Promise<Ran> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: 'pipe',
    timeout: 180_000,
  });
  child.stdin.on('error', () => {}); // it may end without having read all of it
  child.stdin.end(input);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    seen(stdout);
    if (until !== undefined && stdout.includes(until)) child.kill('SIGINT');
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => child.on('close', (exit) => resolve({ stdout, stderr, exit })));
}

/** A session as text: the line, what it printed, `! ` before each line of stderr, the exit status where it is not 0. In this
 *  process, as `main.ts` does it, without colour and 100 columns wide. */
export async function session(lines: readonly string[], { state }: { state: string }): Promise<string> {
  const parts: string[] = [];
  for (const line of lines) {
    let streamed = '';
    const told = await perform(
      line.split(' ').slice(1),
      { BULKHEAD_STATE: state },
      {
        width: 100,
        now: Date.now(),
        style: (_, text) => text,
        write: (text) => {
          streamed += text;
        },
      },
    );
    const said = told.stderr === '' ? '' : told.stderr.trimEnd().replaceAll(/^/gmu, '! ');
    parts.push(
      `$ ${line}\n${streamed}${told.stdout}${said === '' ? '' : `${said}\n`}${told.exit === 0 ? '' : `[${told.exit}]\n`}`,
    );
  }
  return parts.join('\n').replaceAll(state, 'STATE');
}

/** Compares with test/golden/cli/NAME; UPDATE_GOLDEN=1 writes it instead, and the difference is read in review. */
export function golden(name: string, text: string): { readonly expected: string; readonly actual: string } {
  const path = fileURLToPath(new URL(`../golden/cli/${name}`, import.meta.url));
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(path, text);
  return { expected: readFileSync(path, 'utf8'), actual: text };
}
