import { spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Args } from '../../drill/attack.ts';
import { removeTree } from '../mounts.ts';

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
  close(): Promise<void>;
}

const PREFIX = 'bulkhead-drill-';

/** Takes away the folders of drills that were killed; all else goes with the process that serves them. */
function sweepFolders(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(PREFIX) ? Number(/^(\d+)-/.exec(name.slice(PREFIX.length))?.[1]) : Number.NaN;
    if (!Number.isInteger(pid) || existsSync(`/proc/${pid}`)) continue;
    removeTree(`${tmpdir()}/${name}`);
  }
}

const PROGRAM = fileURLToPath(new URL('./next-door.pl', import.meta.url));

/** @param space  the network namespace its abstract socket is in, or undefined for the machine's
 *  @param uid  the spare uid that controls run as
 *  @param masked  names that tools of the host obey
 *  @throws Error with what it said when it cannot stand */
export async function nextDoor(space: string | undefined, uid: number, masked: readonly string[]): Promise<NextDoor> {
  sweepFolders();
  const folder = mkdtempSync(`${tmpdir()}/${PREFIX}${process.pid}-`);
  const name = folder.slice(folder.lastIndexOf('/') + 1);
  const canary = randomBytes(12).toString('hex');
  const shmKey = randomInt(1 << 24, 1 << 30);
  const argv = [PROGRAM, `dir=${folder}`, `name=${name}`, `canary=${canary}`, `abstract=${name}`];
  argv.push(`shm_key=${shmKey}`, `uid=${uid}`);
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
    removeTree(folder);
    throw new Error(`the drill's neighbour could not stand up: ${complaint.trim()}`);
  }
  const args = {
    arch: process.arch === 'arm64' ? 'aarch64' : 'x86_64',
    canary,
    host_dir: folder,
    private_dir: `${folder}/closed`,
    victim_pid: victim,
    abstract_name: name,
    shm_key: String(shmKey),
    queue_name: name,
    tmp_file: `/tmp/${name}.txt`,
    shm_file: `/dev/shm/${name}.txt`,
  };
  const workspace = `${folder}/own`;
  return {
    args,
    other: another(folder, victim),
    controlArgs: { ...args, ...standIns(folder, workspace, victim, masked), ...another(folder, victim) },
    fresh: () => prepare(workspace, uid),
    close: async () => {
      child.stdin.end();
      await gone;
      removeTree(folder);
    },
  };
}

/** Small limits, so that showing how each is passed costs little. */
function standIns(folder: string, workspace: string, victim: string, masked: readonly string[]): Args {
  return {
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
