import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { Args } from '../../drill/attack.ts';
import { mountPoints, removeTree } from '../files/mounts.ts';

/** What the drill's neighbour has for positive controls, and what it finds out about the host. */

/** The file systems of the host, by their numbers (stat(2), st_dev): what lies on one of them is no private place. */
export function hostDevices(): string {
  const devices = mountPoints().flatMap((at) => {
    try {
      return [statSync(at).dev];
    } catch {
      return []; // gone meanwhile, or a FUSE of a user's that not even root may look into
    }
  });
  return [...new Set(devices)].join(':');
}

/** An ordinary process of some user's, with the canary among its arguments and in its environment; it ends with us. */
export async function someProcess(uid: number, canary: string): Promise<ChildProcess> {
  const text = `exec { '/bin/sleep' } "sleep-$ENV{DRILL_TOKEN}", 7200`;
  const argv = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--pdeathsig=KILL', 'perl', '-e', text];
  const child = spawn('setpriv', argv, {
    stdio: 'ignore',
    cwd: '/',
    env: { DRILL_TOKEN: canary, PATH: process.env.PATH },
  });
  const line = `/proc/${child.pid}/cmdline`;
  for (let waited = 0; !existsSync(line) || !readFileSync(line, 'utf8').startsWith('sleep-'); waited += 10) {
    if (waited > 5000 || child.exitCode !== null) throw new Error(`no process of uid ${uid} could be started`);
    await wait(10);
  }
  return child;
}

/** Small limits, so that showing how each is passed costs little. */
export function standIns(folder: string, workspace: string, victim: string, masked: readonly string[]): Args {
  return {
    tier: 'sandbox',
    own_pid: victim,
    workspace,
    home: workspace,
    write_dirs: workspace,
    noexec_dirs: workspace,
    size_limit: String(8 * 1024 * 1024),
    process_limit: '32',
    memory_limit: String(32 * 1024 * 1024),
    cpu_limit: '5',
    masked: masked.join(':'),
    state_dir: `${folder}/state`,
    warden_sock: `${folder}/state/run/warden.sock`,
    ledger_sock: `${folder}/state/run/ledger/ledger.sock`,
    install_dir: `${folder}/install`,
    warden_pid: victim,
    ledger_pid: victim,
    gateway_pid: victim,
    ungranted: '/usr/bin/perl',
  };
}

export function another(folder: string, victim: string): Args {
  return {
    other_home: `${folder}/other/home`,
    other_workspace: `${folder}/other/workspace`,
    other_uid: '0',
    other_pid: victim,
  };
}

/** What an ordinary folder of the operator's looks like: a repository and a few settings. */
export function prepare(workspace: string, uid: number): void {
  removeTree(workspace);
  for (const path of ['', '/.git', '/.git/hooks', '/.claude']) mkdirSync(`${workspace}${path}`);
  for (const path of ['/.git/config', '/.envrc', '/.bashrc']) writeFileSync(`${workspace}${path}`, '# drill\n');
  for (const path of ['', '/.git', '/.git/hooks', '/.claude']) chownSync(`${workspace}${path}`, uid, uid);
}
