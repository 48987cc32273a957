import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { Failure } from '../../model/failure.ts';
import { runToolLater } from '../processes/command.ts';
import type { Hand, Of } from './hand.ts';

/** Users and groups by the files passwd(5) and group(5), changed by shadow-utils' own tools. */
interface Line {
  readonly name: string;
  readonly id: number;
  readonly fields: readonly string[];
}

export function readAccounts(path: '/etc/passwd' | '/etc/group'): Line[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'))
    .map((fields) => ({ name: fields[0] ?? '', id: Number(fields[2]), fields }));
}

/** A group has no comment field to say whose it is: the journal does. */
export const groups: Hand<Of<'group'>> = {
  observe(what, { made }) {
    const found = find('/etc/group', what.name);
    if (!found) return undefined;
    if (!made) throw taken('group', what.name, 'it is not ours');
    return { kind: 'group', name: found.name, gid: found.id };
  },
  async make(what) {
    mustBeFree('/etc/group', what.name, what.gid);
    await changeAccounts('groupadd', ['--system', '--gid', String(what.gid), what.name]);
  },
  async remove(what) {
    if (find('/etc/group', what.name)?.id === what.gid) await changeAccounts('groupdel', [what.name]);
  },
};

export const users: Hand<Of<'user'>> = {
  observe(what, { wanted }) {
    const found = find('/etc/passwd', what.name);
    if (!found) return undefined;
    const mark = found.fields[4] ?? '';
    if (mark !== what.mark) {
      if (wanted) throw taken('user', what.name, 'it belongs to somebody else');
      return undefined; // somebody made it theirs: it is not ours to take away
    }
    return { kind: 'user', name: found.name, uid: found.id, gid: Number(found.fields[3]), mark };
  },
  async make(what) {
    mustBeFree('/etc/passwd', what.name, what.uid);
    await changeAccounts('useradd', [
      ...['--system', '--no-user-group', '--no-create-home', '--no-log-init'],
      ...['--uid', String(what.uid), '--gid', String(what.gid), '--comment', what.mark],
      ...['--home-dir', '/nonexistent', '--shell', '/usr/sbin/nologin', what.name],
    ]);
  },
  async change(what, was) {
    if (what.uid !== was.uid) throw taken('user', what.name, `it has the number ${was.uid}, not ${what.uid}`);
    await changeAccounts('usermod', ['--gid', String(what.gid), what.name]);
  },
  async remove(what) {
    const found = find('/etc/passwd', what.name);
    if (found?.fields[4] === what.mark) await changeAccounts('userdel', [what.name]);
  },
};

const OTHERS_MS = 30_000;

/** Whoever else changes users holds the files' locks for a moment (a package's installation, another fleet's `down`): the tools of
 *  shadow-utils try for a while, say so, and have changed nothing.
 *  @throws Failure `accounts-locked` when they are held for longer */
async function changeAccounts(tool: string, args: readonly string[]): Promise<void> {
  for (const late = performance.now() + OTHERS_MS; ; await wait(200))
    try {
      await runToolLater(tool, args);
      return;
    } catch (error) {
      const file = error instanceof Failure && /cannot lock (\/etc\/\w+); try again later/.exec(error.message)?.[1];
      if (!file) throw error;
      if (performance.now() > late)
        throw new Failure(
          'accounts-locked',
          `Something else keeps ${file} locked: ${error.message}`,
          `Let it end and run the command again; who it is stands in ${file}.lock`,
          1,
        );
    }
}

function find(path: '/etc/passwd' | '/etc/group', name: string): Line | undefined {
  return readAccounts(path).find((line) => line.name === name);
}

function mustBeFree(path: '/etc/passwd' | '/etc/group', name: string, id: number): void {
  const other = readAccounts(path).find((line) => line.id === id);
  if (!other) return;
  const [kind, file] = path === '/etc/group' ? ['group', 'group'] : ['user', 'passwd'];
  throw new Failure(
    'taken',
    `The ${kind} ${name} was to have the number ${id}, which now belongs to ${other.name}.`,
    ofProgram(name)
      ? 'Run the command again: it takes a number that is free.'
      : `Run the command again: an agent of which nothing is stored gets a number that is free. Whose it is: getent ${file} ${id}`,
  );
}

function taken(kind: 'user' | 'group', name: string, why: string): Failure {
  const look = `getent ${kind === 'user' ? 'passwd' : 'group'} ${name}`;
  return new Failure(
    'taken',
    `The ${kind} ${name} is there already, and ${why}.`,
    ofProgram(name)
      ? `Look at it with: ${look}; where nobody needs it, ${kind}del ${name}, and run the command again`
      : `Rename the fleet or the agent, or look at it with: ${look}`,
  );
}

/** Whether it is of one of our own programs: its name says of which state, and no fleet has a say in it. */
function ofProgram(name: string): boolean {
  return name.startsWith('bulkhead-');
}
