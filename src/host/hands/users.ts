import { readFileSync } from 'node:fs';
import { Failure } from '../../model/failure.ts';
import { runToolLater } from '../command.ts';
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

export const groups: Hand<Of<'group'>> = {
  observe(what) {
    const found = readAccounts('/etc/group').find((group) => group.name === what.name);
    return found && { kind: 'group', name: found.name, gid: found.id };
  },
  async make(what) {
    const other = readAccounts('/etc/group').find((group) => group.id === what.gid);
    if (other) throw taken('group', what.name, `its number ${what.gid} belongs to ${other.name}`);
    await runToolLater('groupadd', ['--system', '--gid', String(what.gid), what.name]);
  },
  async remove(what) {
    if (groups.observe(what)) await runToolLater('groupdel', [what.name]);
  },
};

export const users: Hand<Of<'user'>> = {
  observe(what) {
    const found = readAccounts('/etc/passwd').find((user) => user.name === what.name);
    if (!found) return undefined;
    const mark = found.fields[4] ?? '';
    if (mark !== what.mark) throw taken('user', what.name, 'it belongs to somebody else');
    return { kind: 'user', name: found.name, uid: found.id, gid: Number(found.fields[3]), mark };
  },
  async make(what) {
    const other = readAccounts('/etc/passwd').find((user) => user.id === what.uid);
    if (other) throw taken('user', what.name, `its number ${what.uid} belongs to ${other.name}`);
    await runToolLater('useradd', [
      ...['--system', '--no-user-group', '--no-create-home', '--no-log-init'],
      ...['--uid', String(what.uid), '--gid', String(what.gid), '--comment', what.mark],
      ...['--home-dir', '/nonexistent', '--shell', '/usr/sbin/nologin', what.name],
    ]);
  },
  async change(what, was) {
    if (what.uid !== was.uid) throw taken('user', what.name, `it has number ${was.uid}, not ${what.uid}`);
    await runToolLater('usermod', ['--gid', String(what.gid), what.name]);
  },
  async remove(what) {
    if (users.observe(what)) await runToolLater('userdel', [what.name]);
  },
};

function taken(kind: string, name: string, why: string): Failure {
  return new Failure(
    'taken',
    `The ${kind} ${name} is there already, and ${why}.`,
    `Rename the fleet or the agent, or look at it with: getent ${kind === 'user' ? 'passwd' : 'group'} ${name}`,
  );
}
