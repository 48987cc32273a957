import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { SOCK_STREAM, socketPair } from '../pipes.ts';

const ELEVATE: string = fileURLToPath(new URL('elevate.pl', import.meta.url));

/** Whom an elevated command runs as: everything that it has of that user, and nothing of the agent's. */
export interface ElevatedUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly home: string;
}

export interface ElevatedOrder {
  /** Absolute. */
  readonly file: string;
  /** Bytes, one a character (latin1). */
  readonly argv: readonly string[];
  readonly user: ElevatedUser;
  /** A folder of the unified hierarchy, made for this command alone. */
  readonly cgroup: string;
  readonly ms: number;
}

export interface ElevatedEnd {
  /** As a shell has it: 128 and the number for a signal. Undefined: the process that ran it was lost. */
  readonly status?: number;
  /** Why, where it did not end by itself. */
  readonly how?: string;
}

export interface Elevation {
  /** The other end of its socket: frames come out (elevate.pl), input goes in. The caller owns it. */
  readonly socket: number;
  readonly ended: Promise<ElevatedEnd>;
  /** SIGTERM, and SIGKILL after five seconds. */
  readonly stop: () => void;
}

/** Starts a command outside, in a process of its own that passes its bytes. */
export function elevate(order: ElevatedOrder): Elevation {
  const { ours, theirs } = socketPair(SOCK_STREAM);
  const child = spawn('/usr/bin/perl', [ELEVATE], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', theirs],
    env: {},
    cwd: '/',
  });
  closeSync(theirs);
  const spec = child.stdio[3] as Writable;
  spec.on('error', () => {}); // one that died while it read: its exit says so
  spec.end(orderText(order));
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('latin1')).slice(-1000);
    });
  const ended = once(child, 'close').then(
    () => endOf(said),
    (error: Error) => ({ how: error.message }),
  );
  return { socket: ours, ended, stop: () => void child.kill('SIGTERM') };
}

function endOf(said: string): ElevatedEnd {
  const [, status, how] = /^ended (\d+)(?: (.*))?$/m.exec(said) ?? [];
  if (status === undefined) return { how: said.trim().split('\n').at(-1) || 'the process that ran it was lost' };
  return { status: Number(status), ...(how !== undefined && { how }) };
}

/** Not the agent's environment, and not the warden's: what login(1) would give its user. */
function orderText({ file, argv, user, cgroup, ms }: ElevatedOrder): string {
  const hex = (text: string, coding: BufferEncoding = 'utf8'): string => Buffer.from(text, coding).toString('hex');
  const env = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    LANG: 'C.UTF-8',
    HOME: user.home,
    USER: user.name,
    LOGNAME: user.name,
  };
  return [
    ...argv.map((word) => `arg ${hex(word, 'latin1')}`),
    ...Object.entries(env).map(([name, value]) => `env ${name} ${hex(value)}`),
    ...user.groups.map((group) => `group ${group}`),
    ...[`uid ${user.uid}`, `gid ${user.gid}`, `file ${hex(file)}`, `cgroup ${hex(cgroup)}`, `ms ${ms}`],
    ...(user.uid === 0 ? [] : ['nnp']),
    'end\n',
  ].join('\n');
}
