import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Args } from '../../drill/attack.ts';
import { SPARE_UID } from '../../drill/spare-uid.ts';
import { mountPoints, removeTree } from '../mounts.ts';

/** The neighbour that the attacks on files, processes and credentials look for: it stands on the host for as long as a drill
 *  runs. Names of `%A` are described in src/drill/arguments.ts. */
export interface NextDoor {
  /** For texts inside a compartment; the agent's own places, limits and the programs' pids are the caller's to add. */
  readonly args: Args;
  /** What stands for another agent's, on the host. */
  readonly other: Args;
  /** For positive controls: the same, and a stand-in for everything else. `workspace` is emptied by `fresh`. */
  readonly controlArgs: Args;
  /** A new, empty workspace for the next control, owned by the spare uid. */
  fresh(): void;
  /** @returns the pid of a process of this uid on the host, the agent's own uid and no part of its compartment */
  ofUid(uid: number): Promise<string>;
  close(): Promise<void>;
}

const PREFIX = 'bulkhead-drill-';
/** What lies where a compartment over the host's own files sees it, and sockets where services have theirs. */
const [LASTING, RUNNING] = process.getuid?.() === 0 ? ['/var/lib', '/run'] : [tmpdir(), tmpdir()];
/** Nobody has it; a set-id program of the neighbour lends it. */
const LENT_UID = SPARE_UID + 9;

/** Takes away the folders of drills that were killed; all else goes with the process that serves them. */
function sweepFolders(): void {
  for (const path of [LASTING, RUNNING].flatMap((place) => readdirSync(place).map((name) => `${place}/${name}`))) {
    const pid = Number(new RegExp(`/${PREFIX}(\\d+)-`).exec(path)?.[1] ?? Number.NaN);
    if (!Number.isInteger(pid) || existsSync(`/proc/${pid}`)) continue;
    removeTree(path);
  }
}

const PROGRAM = fileURLToPath(new URL('./next-door.pl', import.meta.url));

/** @param space  the network namespace its abstract socket is in, or undefined for the machine's
 *  @param uid  the spare uid that controls run as
 *  @param masked  names that tools of the host obey
 *  @throws Error with what it said when it cannot stand */
export async function nextDoor(space: string | undefined, uid: number, masked: readonly string[]): Promise<NextDoor> {
  sweepFolders();
  const folder = mkdtempSync(`${LASTING}/${PREFIX}${process.pid}-`);
  const sockets = mkdtempSync(`${RUNNING}/${PREFIX}${process.pid}-sockets-`);
  const empty = (): void => {
    for (const path of [folder, sockets]) removeTree(path);
  };
  const name = folder.slice(folder.lastIndexOf('/') + 1);
  const canary = randomBytes(12).toString('hex');
  const shmKey = randomInt(1 << 24, 1 << 30);
  const argv = [PROGRAM, `dir=${folder}`, `name=${name}`, `canary=${canary}`, `abstract=${name}`];
  argv.push(`shm_key=${shmKey}`, `uid=${uid}`, `sockets=${sockets}`, `lent=${LENT_UID}`);
  const [command = '', ...rest] =
    space === undefined ? ['perl', ...argv] : ['nsenter', `--net=${space}`, 'perl', ...argv];
  const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: process.env.PATH ?? '' } });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  const gone = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const line = await Promise.race([
    new Promise<string>((resolve) => createInterface({ input: child.stdout }).once('line', resolve)),
    gone.then(() => ''),
  ]);
  const victim = line.split(' ')[0] ?? '';
  if (victim === '') {
    empty();
    throw new Error(`the drill's neighbour could not stand up: ${complaint.trim()}`);
  }
  const args = {
    arch: process.arch === 'arm64' ? 'aarch64' : 'x86_64',
    canary,
    host_dir: folder,
    sockets_dir: sockets,
    host_devs: hostDevices(),
    private_dir: `${folder}/closed`,
    victim_pid: victim,
    abstract_name: name,
    shm_key: String(shmKey),
    queue_name: name,
    tmp_file: `/tmp/${name}.txt`,
    shm_file: `/dev/shm/${name}.txt`,
  };
  const workspace = `${folder}/own`;
  const started: ChildProcess[] = [];
  return {
    args,
    other: another(folder, victim),
    controlArgs: { ...args, ...standIns(folder, workspace, victim, masked), ...another(folder, victim) },
    fresh: () => prepare(workspace, uid),
    ofUid: async (of) => {
      const one = await someProcess(of, canary);
      started.push(one);
      return String(one.pid);
    },
    close: async () => {
      for (const one of started) one.kill('SIGKILL');
      child.stdin.end();
      await gone;
      empty();
    },
  };
}

/** The file systems of the host, by their numbers (stat(2), st_dev): what lies on one of them is no private place. */
function hostDevices(): string {
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
async function someProcess(uid: number, canary: string): Promise<ChildProcess> {
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
function standIns(folder: string, workspace: string, victim: string, masked: readonly string[]): Args {
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

function another(folder: string, victim: string): Args {
  return {
    other_home: `${folder}/other/home`,
    other_workspace: `${folder}/other/workspace`,
    other_uid: '0',
    other_pid: victim,
  };
}

/** What an ordinary folder of the operator's looks like: a repository and a few settings. Whatever a control has left mounted in it
 *  would be emptied with it, and is an error. */
function prepare(workspace: string, uid: number): void {
  removeTree(workspace);
  for (const path of ['', '/.git', '/.git/hooks', '/.claude']) mkdirSync(`${workspace}${path}`);
  for (const path of ['/.git/config', '/.envrc', '/.bashrc']) writeFileSync(`${workspace}${path}`, '# drill\n');
  for (const path of ['', '/.git', '/.git/hooks', '/.claude']) chownSync(`${workspace}${path}`, uid, uid);
}
