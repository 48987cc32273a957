import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Args } from '../../drill/attack.ts';
import { SPARE_UID } from '../../drill/spare-uid.ts';
import { removeTree } from '../files/mounts.ts';
import { PREFIX, sweepLeftovers } from './leftovers.ts';
import { another, hostDevices, prepare, someProcess, standIns } from './stand-ins.ts';

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

/** What lies where a compartment over the host's own files sees it, and sockets where services have theirs. */
const [LASTING, RUNNING] = process.getuid?.() === 0 ? ['/var/lib', '/run'] : [tmpdir(), tmpdir()];
/** Nobody has it; a set-id program of the neighbour lends it. */
const LENT_UID = SPARE_UID + 9;

const PROGRAM = fileURLToPath(new URL('./next-door.pl', import.meta.url));

/** @param space  the network namespace its abstract socket is in, or undefined for the machine's
 *  @param uid  the spare uid that controls run as
 *  @param masked  names that tools of the host obey
 *  @throws Error with what it said when it cannot stand */
export async function nextDoor(space: string | undefined, uid: number, masked: readonly string[]): Promise<NextDoor> {
  sweepLeftovers([...new Set([LASTING, RUNNING, '/tmp', '/dev/shm'])], process.getuid?.() ?? 0);
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
