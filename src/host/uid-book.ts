import { existsSync, readFileSync } from 'node:fs';
import { canonicalJson } from '../model/canonical.ts';
import { Failure } from '../model/failure.ts';
import { FIRST_UID, giveUids, LAST_UID, type UidBook } from '../plan/uids.ts';
import { takenIds } from './accounts.ts';
import { ordinaryUser } from './ordinary-user.ts';
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

/** The book with a uid for each key (FLEET/AGENT); nothing is written. Rootless all are the operator's. */
export function uidsFor(path: string, keys: readonly string[]): UidBook {
  const user = ordinaryUser();
  if (user) return { given: Object.fromEntries(keys.map((key) => [key, user.uid])) };
  const book = readUidBook(path);
  const ours = new Set(Object.values(book.given));
  const taken = new Set([...takenIds(FIRST_UID, LAST_UID)].filter((id) => !ours.has(id)));
  return giveUids(book, keys, taken);
}
