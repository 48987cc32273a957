import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { lockAccounts, lockFile } from '../../host/files/lock.ts';
import { removeTree } from '../../host/files/mounts.ts';
import { openAbove } from '../../host/files/writable.ts';
import { ordinaryUser } from '../../host/machine/ordinary-user.ts';
import { Failure } from '../../model/failure.ts';
import { type Places, STATE_FORMAT, userState } from '../../plan/places.ts';

/** The folder of a state: whether it may be one, whose turn it is, and what was begun in it. */
const LOCK = 'up.lock';

/** @throws Failure when the folder holds something else, could be replaced by somebody, or is of a format that we do not know:
 *  it is never written to, and above all never removed */
export function mustBeState(places: Places): void {
  const { state } = places;
  const stat = lstatSync(state, { throwIfNoEntry: false });
  if (stat === undefined && !existsSync(dirname(state)) && state !== userState(process.env))
    throw new Failure(
      'no-such-folder',
      `${dirname(state)} does not exist.`,
      `Make it first: mkdir -p ${dirname(state)}`,
    );
  const [open] = openAbove(firstThere(state));
  if (open !== undefined)
    throw new Failure(
      'state-replaceable',
      `Somebody besides ${ordinaryUser() ? 'you' : 'root'} may replace what is in ${open}, and the state would be in it.`,
      ordinaryUser()
        ? 'Use a folder below your home that only you can write: --state DIR'
        : 'Use a folder that only root can reach by name: --state /var/lib/NAME',
    );
  if (stat === undefined) return;
  if (!stat.isDirectory()) throw notOurs(state, 'it is not a folder');
  const names = readdirSync(state).filter((name) => name !== LOCK && name !== 'lost+found');
  if (names.length > 0 && !names.includes('format') && !names.includes('made'))
    throw notOurs(state, `it holds other things (${names.slice(0, 3).join(', ')})`);
  mustKnowFormat(places);
}

/** The path itself, or the first below a folder that is there: the rest is made by us. */
function firstThere(path: string): string {
  return existsSync(dirname(path)) ? path : firstThere(dirname(path));
}

function mustKnowFormat({ state, format }: Places): void {
  if (!existsSync(format)) return;
  const text = readFileSync(format, 'utf8').trim();
  if (!/^[1-9][0-9]{0,8}$/.test(text))
    throw notOurs(state, `its file format says ${JSON.stringify(text.slice(0, 20))}`);
  if (Number(text) > STATE_FORMAT)
    throw new Failure(
      'newer-state',
      `${state} was written by a newer Bulkhead (format ${text}, this one knows ${STATE_FORMAT}).`,
      'Use that newer Bulkhead, or another state: --state DIR',
    );
}

function notOurs(state: string, why: string): Failure {
  return new Failure(
    'not-a-state',
    `${state} is no state of Bulkhead's: ${why}.`,
    'Name a folder of its own: --state DIR',
  );
}

/** Makes the folder, if need be, and takes our turn in it until this process ends.
 *  @throws Failure `busy` */
export function takeTurn({ state }: Places): void {
  mkdirSync(state, { recursive: true, mode: ordinaryUser() ? 0o700 : 0o711 });
  if (lockFile(join(state, LOCK))) return;
  throw new Failure(
    'busy',
    'Another up or down of this state is under way.',
    'Wait for it to end and run the command again.',
    1,
  );
}

const NUMBERS_MS = 120_000;

/** The numbers of users and groups belong to the whole machine: while an `up` finds out which are free and gives some out, those of
 *  other states wait.
 *  @throws Failure `busy` */
export async function withNumbers<T>(left: AbortSignal, use: () => Promise<T>): Promise<T> {
  if (ordinaryUser()) return use(); // who gives none out
  const late = Date.now() + NUMBERS_MS;
  let give = lockAccounts();
  for (; give === undefined; give = lockAccounts()) {
    if (left.aborted || Date.now() > late)
      throw new Failure(
        'busy',
        'An up of another state gives out numbers of users and groups.',
        'Wait for it to end and run the command again.',
        1,
      );
    await wait(50);
  }
  try {
    return await use();
  } finally {
    give();
  }
}

/** Takes the folder away again if nothing was begun in it. */
export function leaveNothingEmpty(places: Places): void {
  if (existsSync(places.state) && readdirSync(places.state).every((name) => name === LOCK)) removeState(places);
}

/** Takes away the state and all that is in it; where a file system is mounted on it, that stays, empty. */
export function removeState({ state }: Places): void {
  for (const name of readdirSync(state)) {
    removeTree(join(state, name));
  }
  try {
    rmdirSync(state);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
  }
  if (ordinaryUser() && state === userState(process.env)) leaveNoEmptyFoldersAbove(state);
}

/** ~/.local/state and ~/.local are made with the first state of whoever had neither; empty they are of use to nobody. */
function leaveNoEmptyFoldersAbove(state: string): void {
  const home = process.env.HOME ?? '/';
  for (let at = dirname(state); at.startsWith(`${home}/`); at = dirname(at)) {
    if (readdirSync(at).length > 0) return;
    rmdirSync(at);
  }
}
