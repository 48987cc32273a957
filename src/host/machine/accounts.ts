import { existsSync, readFileSync } from 'node:fs';
import { readAccounts } from '../hands/users.ts';

/** The uid of a Unix user of this machine, by /etc/passwd; undefined when there is none. */
export function uidOf(user: string): number | undefined {
  return readAccounts('/etc/passwd').find(({ name }) => name === user)?.id;
}

/** A Unix user's ids and home, by /etc/passwd (passwd(5)); undefined when there is none. */
export function accountOf(user: string): { uid: number; gid: number; home: string } | undefined {
  const line = readAccounts('/etc/passwd').find(({ name }) => name === user);
  if (line === undefined || !/^[0-9]+$/.test(line.fields[3] ?? '')) return undefined;
  return { uid: line.id, gid: Number(line.fields[3]), home: line.fields[5] || '/' };
}

/** Ids that are somebody's: users, groups, and the subordinate ranges of subuid(5) between these bounds. */
export function takenIds(first: number, last: number): Set<number> {
  const taken = new Set<number>();
  for (const path of ['/etc/passwd', '/etc/group'] as const) for (const { id } of readAccounts(path)) taken.add(id);
  for (const path of ['/etc/subuid', '/etc/subgid']) {
    if (!existsSync(path)) continue;
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      const [, start, count] = line.split(':').map(Number);
      if (start === undefined || count === undefined) continue;
      for (let id = Math.max(first, start); id <= Math.min(last, start + count - 1); id++) taken.add(id);
    }
  }
  return taken;
}

/** The lowest free id of the range for system users (useradd(8), SYS_UID_MIN..SYS_UID_MAX), from the top as shadow-utils does. */
export function freeSystemId(not: ReadonlySet<number>): number {
  const taken = takenIds(100, 999);
  for (let id = 999; id >= 100; id--) if (!taken.has(id) && !not.has(id)) return id;
  throw new RangeError('no system user id is left');
}
