import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type Order, orderText } from '../../tiers/orders.ts';

export type LaunchMode = 'create' | 'enter' | 'script' | 'program' | 'mend' | 'sockets' | 'dial' | 'rules' | 'tree';
const LAUNCHER: string = fileURLToPath(new URL('launch.pl', import.meta.url));

type Stream = 'ignore' | 'pipe' | number;
export type Streams = readonly [Stream, Stream, Stream];

/** A launcher that waits for its orders. Without all of them it ends, and nothing has begun. */
export interface Waiting {
  readonly child: ChildProcess;
  /** The first of them, when the rest comes later. */
  readonly begin: (orders: readonly Order[]) => void;
  /** All that it was not told yet, once; the `end` is added. */
  readonly order: (orders: readonly Order[]) => void;
}

/** Its status where it could not be started at all (EX_OSERR, sysexits.h). */
const NOT_STARTED = 71;

/** Starts the launcher. Descriptors 0 to 2 are the new process's; 3 is for its orders; `more` are 4 and up.
 *  The launcher's environment is empty: nothing of ours is inherited. One that the machine has no process for (EAGAIN, fork(2)) ends at once, with
 *  status 71: who started it hears of its end and no more, and tries again as after any other. */
export function startLauncher(mode: LaunchMode, stdio: Streams, more: readonly (number | 'pipe')[] = []): Waiting {
  const all: StdioOptions = [...stdio, 'pipe', ...more];
  // Before it has read its orders a launcher that enters keeps no more than it is said to have been given.
  const given = mode === 'enter' && more.length > 0 ? [String(more.length)] : [];
  const child = spawn('/usr/bin/perl', [LAUNCHER, mode, ...given], { stdio: all, env: {}, cwd: '/' });
  child.on('error', () => child.pid === undefined && child.emit('exit', NOT_STARTED, null));
  const spec = child.stdio[3] as Writable;
  spec.on('error', () => {}); // a launcher that died while it read: its exit says so
  return {
    child,
    begin: (orders) => void spec.write(orderText(orders)),
    order: (orders) => void spec.end(orderText([...orders, { do: 'end' }])),
  };
}

/** Starts the launcher with its orders. */
export function launch(
  mode: LaunchMode,
  orders: readonly Order[],
  stdio: Streams,
  more: readonly (number | 'pipe')[] = [],
): ChildProcess {
  const { child, order } = startLauncher(mode, stdio, more);
  order(orders);
  return child;
}
