import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type Order, orderText } from '../tiers/orders.ts';

export type LaunchMode = 'create' | 'enter' | 'script' | 'program' | 'mend' | 'sockets' | 'dial' | 'rules';
const LAUNCHER: string = fileURLToPath(new URL('launch.pl', import.meta.url));

/** Starts the launcher with its orders. Descriptors 0 to 2 are the new process's; 3 carries the orders; `more` are 4 and up.
 *  The launcher's environment is empty: nothing of ours is inherited. */
export function launch(
  mode: LaunchMode,
  orders: readonly Order[],
  stdio: readonly ['ignore' | 'pipe' | number, 'ignore' | 'pipe' | number, 'ignore' | 'pipe' | number],
  more: readonly (number | 'pipe')[] = [],
): ChildProcess {
  const text = orderText([...orders, { do: 'end' }]);
  const all: StdioOptions = [...stdio, 'pipe', ...more];
  const child = spawn('/usr/bin/perl', [LAUNCHER, mode], { stdio: all, env: {}, cwd: '/' });
  const spec = child.stdio[3] as Writable;
  spec.on('error', () => {}); // a launcher that died while it read: its exit says so
  spec.end(text);
  return child;
}
