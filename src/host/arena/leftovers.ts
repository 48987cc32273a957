import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { removeTree } from '../files/mounts.ts';

/** What a drill leaves in folders that others write too carries its pid. */
export const PREFIX = 'bulkhead-drill-';

/** Takes away what drills left that were killed. In folders open to all anybody can give such a name, and only its owner may
 *  remove it there (unlink(2), EPERM): what is another's stays.
 *  @param places  folders
 *  @param uid  whose leftovers */
export function sweepLeftovers(places: readonly string[], uid: number): void {
  for (const path of places.flatMap((place) => readdirSync(place).map((name) => `${place}/${name}`))) {
    const pid = Number(new RegExp(`/${PREFIX}(\\d+)-`).exec(path)?.[1] ?? Number.NaN);
    if (!Number.isInteger(pid) || existsSync(`/proc/${pid}`)) continue;
    if (lstatSync(path, { throwIfNoEntry: false })?.uid === uid) removeTree(path);
  }
}
