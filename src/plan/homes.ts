import type { Resource } from './resource.ts';

/** Homes that a program on the host's own file system could enter, and which of them a fleet with an agent of tier `user` closes. */
export type ClosedHome = Extract<Resource, { kind: 'home' }>;

/** A line of passwd(5). */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly home: string;
  /** Empty means /bin/sh. */
  readonly shell: string;
}

/** A home as it is on the machine. */
export interface SeenHome {
  readonly path: string;
  /** The permission bits, 0..07777. */
  readonly mode: number;
  /** Of the folder; `user` is whom passwd gives it to. */
  readonly owner: number;
  readonly user: number;
}

const FIRST_PERSON = 1000;
const NO_SHELL = /\/(nologin|false|true|sync)$/;
/** Below these are programs, settings and what is running; closing them would close the host. */
const SYSTEM = /^\/(bin|boot|dev|etc|lib\w*|proc|run|sbin|sys|tmp|usr|lost\+found)(\/|$)|^\/var(?!\/home\/[^/])/;

/** Root, people who can log in, and operators, however they log in. */
export function accountsWithHomes(accounts: readonly Account[], operators: readonly string[]): Account[] {
  return accounts.filter(
    ({ name, uid, shell }) =>
      operators.includes(name) || (!NO_SHELL.test(shell) && (uid === 0 || (uid >= FIRST_PERSON && uid < 65_534))),
  );
}

/** Whether a path may be somebody's home. A folder of the root belongs to all, but for root's own. */
export function mayBeHome(path: string): boolean {
  const plain = /^(\/[^/]+)+$/.test(path) && !/\/\.\.?(\/|$)/.test(path);
  return plain && !SYSTEM.test(path) && (path === '/root' || path.split('/').length > 2);
}

/** The homes that are to be closed, and those that are because of us. One that is closed already, and not by us, is its owner's
 *  doing: it is not ours to open again. One that does not belong to its user stays: they could not enter it themselves then.
 *  @param closed  what we have closed before, by the journal */
export function homesToClose(seen: readonly SeenHome[], closed: readonly ClosedHome[]): ClosedHome[] {
  const before = new Map(closed.map((home) => [home.path, home]));
  const owned = new Map(seen.filter(({ owner, user }) => owner === user).map((home) => [home.path, home]));
  return [...owned.values()].flatMap(({ path, mode }): ClosedHome[] => {
    if (!mayBeHome(path)) return [];
    if (isOpen(mode)) return [{ kind: 'home', path, mode: octal(mode & ~0o007), was: octal(mode) }];
    const ours = before.get(path);
    return ours?.mode === octal(mode) ? [ours] : [];
  });
}

export function isOpen(mode: number): boolean {
  return (mode & 0o007) !== 0;
}

export function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}
