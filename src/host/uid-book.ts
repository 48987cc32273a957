import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { canonicalJson } from '../model/canonical.ts';
import { FIRST_UID, giveUids, LAST_UID, type UidBook } from '../plan/uids.ts';
import { takenIds } from './accounts.ts';

/** The book of uids as the state keeps it. */
export function readUidBook(path: string): UidBook {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as UidBook) : { given: {} };
}

/** Written before the first use of a number in it. */
export function writeUidBook(path: string, book: UidBook): void {
  writeFileSync(`${path}.next`, `${canonicalJson(book)}\n`, { mode: 0o600, flush: true });
  renameSync(`${path}.next`, path);
}

/** The book with a uid for each key (FLEET/AGENT); nothing is written. */
export function uidsFor(path: string, keys: readonly string[]): UidBook {
  const book = readUidBook(path);
  const ours = new Set(Object.values(book.given));
  const taken = new Set([...takenIds(FIRST_UID, LAST_UID)].filter((id) => !ours.has(id)));
  return giveUids(book, keys, taken);
}
