import { fstatSync, realpathSync, statSync } from 'node:fs';
import { Failure } from '../../model/failure.ts';
import type { WantedFleet } from '../../model/fleet.ts';
import {
  accountsWithHomes,
  type ClosedHome,
  homesToClose,
  isOpen,
  mayBeHome,
  type SeenHome,
} from '../../plan/homes.ts';
import type { Places } from '../../plan/places.ts';
import { Made } from '../files/made.ts';
import { withHome } from '../hands/homes.ts';
import { readAccounts } from '../hands/users.ts';

/** The homes that this fleet closes to others: none, unless an agent lives on the host's own file system.
 *  @throws Failure when one is open and there is a link on the way to it: we do not follow those */
export function homesOf(fleet: WantedFleet, { made }: Places): ClosedHome[] {
  if (!fleet.agents.some(({ tier }) => tier === 'user')) return [];
  const accounts = readAccounts('/etc/passwd').map(({ name, id, fields }) => ({
    ...{ name, uid: id, home: fields[5] ?? '', shell: fields[6] ?? '' },
  }));
  const operators = fleet.operators.map(({ user }) => user);
  const seen: SeenHome[] = [];
  for (const { name, uid, home } of accountsWithHomes(accounts, operators)) {
    const found = lookAt(name, uid, home.replace(/(?<=.)\/+$/, ''));
    if (found) seen.push(found);
  }
  const closed = new Made(made).list().filter((resource) => resource.kind === 'home');
  return homesToClose(seen, closed);
}

function lookAt(name: string, user: number, path: string): SeenHome | undefined {
  if (!mayBeHome(path)) return undefined;
  const seen = withHome(path, (fd) => fstatSync(fd));
  if (seen) return { path, mode: seen.mode & 0o7777, owner: seen.uid, user };
  const behind = statSync(path, { throwIfNoEntry: false });
  if (!behind?.isDirectory() || behind.uid !== user || !isOpen(behind.mode)) return undefined;
  throw new Failure(
    'home-behind-link',
    `The home of ${name}, ${path}, is open to everybody and reached through a symbolic link, so it is not closed by itself.`,
    `Close it: chmod o-rwx ${realpathSync(path)}    (or give no agent the tier user)`,
  );
}
