import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { isLocked, lockHolder } from '../../host/lock.ts';
import { Failure } from '../../model/failure.ts';
import { groundOf } from '../../plan/machine.ts';
import type { Places } from '../../plan/places.ts';
import { type Client, dial } from '../../wire/client.ts';

const UP_MS = 30_000;

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

/** Starts the warden from the root-owned copy, in a session of its own, kept by a small loop that starts it again should it die. */
export async function startWarden(places: Places, version: string): Promise<Client> {
  const home = `${groundOf(places.state).library}/${version}`;
  const log = openSync(`${places.logs}/warden.log`, 'a', 0o600);
  const keeper = spawn(
    '/bin/sh',
    [`${home}/src/programs/warden/keep`, `${home}/bin/node`, `${home}/src/programs/warden/main.ts`, places.state],
    {
      cwd: '/',
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      detached: true,
      stdio: ['ignore', log, log],
    },
  );
  closeSync(log);
  keeper.unref();
  const late = Date.now() + UP_MS;
  while (Date.now() < late) {
    const client = await wardenThere(places);
    if (client) return client;
    if (keeper.exitCode !== null) break;
    await wait(20);
  }
  throw new Failure(
    'no-warden',
    `The warden did not come up: ${lastLine(`${places.logs}/warden.log`)}`,
    `All it said is in ${places.logs}/warden.log, and the ledger's and gateway's logs beside it.`,
    3,
  );
}

/** Asks a warden that does not answer to end: the process that holds its lock. */
export function endWarden(places: Places): void {
  const pid = lockHolder(places.wardenLock);
  if (pid !== undefined && existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGTERM');
}

/** Waits until no warden holds this state's lock.
 *  @returns whether it is gone */
export async function wardenGone(places: Places, withinMs: number): Promise<boolean> {
  const late = Date.now() + withinMs;
  while (existsSync(places.wardenLock) && isLocked(places.wardenLock)) {
    if (Date.now() > late) return false;
    await wait(20);
  }
  return true;
}

function lastLine(path: string): string {
  return existsSync(path) ? (readFileSync(path, 'utf8').trim().split('\n').at(-1) ?? '') : 'it left no word';
}
