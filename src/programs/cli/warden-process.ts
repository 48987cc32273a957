import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { thisTree } from '../../host/files/tree.ts';
import { enabled, systemdRuns } from '../../host/hands/units.ts';
import { ordinaryUser } from '../../host/machine/ordinary-user.ts';
import { runToolLater } from '../../host/processes/command.ts';
import { endProcess, signalProcess } from '../../host/processes/processes.ts';
import { wardenProcesses } from '../../host/processes/warden-processes.ts';
import { Failure } from '../../model/failure.ts';
import { groundOf } from '../../plan/machine.ts';
import type { Places } from '../../plan/places.ts';
import { type Client, dial } from '../../wire/client.ts';

const UP_MS = 30_000;
/** How long one that died may take until it serves again: its keeper waits a second or more. */
const BACK_MS = 20_000;
/** How long a warden that was asked to end may take with its agents and programs, and how long the kernel with a killed one. */
const POLITE_MS = 15_000;
const KILLED_MS = 5_000;

/** A connection to the warden of this state; undefined when none runs. */
export async function wardenThere(places: Places): Promise<Client | undefined> {
  try {
    return await dial(places.wardenSocket);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Waits for a warden that died and is about to be started again. Returns at once where one serves, and where nobody keeps it. */
export async function wardenIsBack(places: Places): Promise<void> {
  for (const late = Date.now() + BACK_MS; Date.now() < late; await wait(100)) {
    const client = await wardenThere(places).catch(() => undefined); // one that may not be asked says so to who asks it
    client?.socket.destroy();
    if (client || !isKept(places.state)) return;
  }
}

/** Starts the warden from the root-owned copy: by systemd where it is process 1, else in a session of its own, kept by a small
 *  loop that starts it again should it die.
 *  @param left  aborted when the operator wants no more of it */
export async function startWarden(places: Places, version: string, left: AbortSignal): Promise<Client> {
  const failed = systemdRuns() && !ordinaryUser() ? await bySystemd(places) : byLoop(places, version);
  const late = Date.now() + UP_MS;
  while (Date.now() < late && !left.aborted) {
    const client = await wardenThere(places);
    if (client) return client;
    if (failed()) break;
    await wait(20);
  }
  throw new Failure(
    'no-warden',
    `The warden did not come up: ${lastLine(`${places.logs}/warden.log`)}`,
    `All it said is in ${places.logs}/warden.log, and the ledger's and gateway's logs beside it.`,
    3,
  );
}

async function bySystemd(places: Places): Promise<() => boolean> {
  await runToolLater('systemctl', ['start', groundOf(places.state).unit]);
  return () => false;
}

function byLoop(places: Places, version: string): () => boolean {
  const installed = `${groundOf(places.state).library}/${version}`;
  const [home, node] = ordinaryUser() ? [thisTree().from, process.execPath] : [installed, `${installed}/bin/node`];
  const log = openSync(`${places.logs}/warden.log`, 'a', 0o600);
  const keeper = spawn(
    '/bin/sh',
    [`${home}/src/programs/warden/keep`, node, `${home}/src/programs/warden/main.ts`, places.state],
    {
      cwd: '/',
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...(ordinaryUser() && { HOME: process.env.HOME }) },
      detached: true,
      stdio: ['ignore', log, log],
    },
  );
  closeSync(log);
  keeper.unref();
  return () => keeper.exitCode !== null;
}

/** Whether somebody starts the warden of this state again when it dies. */
function isKept(state: string): boolean {
  if (systemdRuns() && !ordinaryUser()) return enabled(`/etc/systemd/system/${groundOf(state).unit}`);
  return wardenProcesses(state).keepers.length > 0;
}

/** From here on nobody starts the warden again, now or with the machine. */
export async function endKeeping(places: Places): Promise<void> {
  const { unit } = groundOf(places.state);
  if (systemdRuns() && !ordinaryUser() && existsSync(`/etc/systemd/system/${unit}`))
    await runToolLater('systemctl', ['disable', unit]);
  for (const pid of wardenProcesses(places.state).keepers) endProcess(pid);
}

/** Ends the warden of this state, kept or not, serving already or not: asked first, killed if it does not.
 *  @param withinMs  how long it may still take by itself before it is asked
 *  @throws Failure `warden-stays` */
export async function endWarden(places: Places, withinMs = 0): Promise<void> {
  await endKeeping(places);
  if (await gone(places, withinMs)) return;
  for (const pid of wardenProcesses(places.state).wardens) signalProcess(pid, 'SIGTERM');
  if (await gone(places, POLITE_MS)) return;
  for (const pid of wardenProcesses(places.state).wardens) endProcess(pid);
  if (await gone(places, KILLED_MS)) return;
  throw new Failure(
    'warden-stays',
    `The warden (process ${wardenProcesses(places.state).wardens.join(', ')}) outlives even SIGKILL.`,
    'It waits in the kernel: its wchan in /proc says for what. Then run the command again.',
    3,
  );
}

async function gone(places: Places, withinMs: number): Promise<boolean> {
  const late = Date.now() + withinMs;
  while (wardenProcesses(places.state).wardens.length > 0) {
    if (Date.now() >= late) return false;
    await wait(50);
  }
  return true;
}

function lastLine(path: string): string {
  return existsSync(path) ? (readFileSync(path, 'utf8').trim().split('\n').at(-1) ?? '') : 'it left no word';
}
