import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../../model/canonical.ts';
import { Failure } from '../../model/failure.ts';
import type { AgentName, FleetName } from '../../model/names.ts';
import { unixUserName } from '../../model/unix-names.ts';
import type { Places } from '../../plan/places.ts';
import { FIRST_UID, giveUids, LAST_UID, type UidBook } from '../../plan/uids.ts';
import { readAccounts } from '../hands/users.ts';
import { takenIds } from '../machine/accounts.ts';
import { ordinaryUser } from '../machine/ordinary-user.ts';
import { replaceFile } from './replace-file.ts';

/** The book of uids as the state keeps it. */
export function readUidBook(path: string): UidBook {
  if (!existsSync(path)) return { given: {} };
  try {
    const { given } = JSON.parse(readFileSync(path, 'utf8')) as UidBook;
    if (Object.values(given).every(Number.isSafeInteger)) return { given };
  } catch {
    // told below, as for a book with something else in it
  }
  throw new Failure(
    'uids-damaged',
    `${path}, which says whose each uid is, cannot be read.`,
    'Put it back from a backup ({"given":{"FLEET/AGENT":UID}}), or end the fleet: bulkhead down --purge',
    3,
  );
}

/** Written before the first use of a number in it. */
export function writeUidBook(path: string, book: UidBook): void {
  replaceFile(path, `${canonicalJson(book)}\n`);
}

/** The book with a uid for each agent; nothing is written. One that was given out and was somebody else's before we made its user is given out
 *  no more: nothing of ours can belong to it, where nothing of the agent is stored. Rootless all are the operator's. */
export function uidsFor(
  { uids, agents: stored }: Pick<Places, 'uids' | 'agents'>,
  fleet: FleetName,
  agents: readonly AgentName[],
): UidBook {
  const keys = agents.map((agent) => `${fleet}/${agent}`);
  const user = ordinaryUser();
  if (user) return { given: Object.fromEntries(keys.map((key) => [key, user.uid])) };
  const given = { ...readUidBook(uids).given };
  const accounts = [...readAccounts('/etc/passwd'), ...readAccounts('/etc/group')];
  for (const agent of agents) {
    const key = `${fleet}/${agent}`;
    const name = unixUserName(fleet, agent);
    const anothers = accounts.some((one) => one.id === given[key] && one.name !== name);
    if (anothers && !existsSync(join(stored, agent))) delete given[key];
  }
  const ours = new Set(Object.values(given));
  const taken = new Set([...takenIds(FIRST_UID, LAST_UID)].filter((id) => !ours.has(id)));
  return giveUids({ given }, keys, taken);
}
