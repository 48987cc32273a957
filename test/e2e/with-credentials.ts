import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { wardenProcesses } from '../../src/host/processes/warden-processes.ts';
import { signalled } from './asking.ts';
import { wardenOf } from './searching.ts';
import type { Stand } from './stand.ts';

/** Ends the warden and its keeper, and starts one as systemd would: with a folder of credentials of its own. */
export async function withCredentials(stand: Stand, folder: string | undefined): Promise<void> {
  const argv = readFileSync(`/proc/${wardenOf(stand)}/cmdline`, 'utf8')
    .split('\0')
    .slice(0, -1);
  const { keepers, wardens } = wardenProcesses(stand.state);
  for (const pid of [...keepers, ...wardens]) signalled(pid, 'SIGKILL');
  while (wardenProcesses(stand.state).wardens.length > 0) await sleep(50);
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...(folder && { CREDENTIALS_DIRECTORY: folder }) };
  const [node = '', ...rest] = argv.filter((word) => word !== '--resume');
  spawn(node, [...rest, '--resume'], { env, cwd: '/', detached: true, stdio: 'ignore' }).unref();
  const known = async (): Promise<boolean> =>
    ((await stand.bulkhead(['secrets', 'identity', '--json'])).json?.inUse ?? 'unknown') !== 'unknown';
  for (const late = Date.now() + 60_000; !(await known()); await sleep(100))
    assert.ok(Date.now() < late, 'the next warden does not serve');
}
