import { createHash } from 'node:crypto';
import { closeSync, lstatSync, openSync, readFileSync, readSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { Failure } from '../../model/failure.ts';
import type { WantedAgent } from '../../model/fleet.ts';
import { notElevated } from '../../policy/elevated/programs.ts';
import type { ElevatedProgram } from '../../tiers/facts.ts';
import { versionOf } from '../files/file-version.ts';
import { notRootsAlone } from '../files/writable.ts';
import { readAccounts } from '../hands/users.ts';
import { accountOf } from '../machine/accounts.ts';
import type { OrdinaryUser } from '../machine/ordinary-user.ts';
import { findProgram } from '../view/programs.ts';
import type { ElevatedUser } from './elevate.ts';

/** What each rule of an agent leads to, in the rules' order.
 *  @throws Failure where a rule cannot be carried out, or its program is not root's alone */
export function elevatedPrograms(agent: WantedAgent, rootless: OrdinaryUser | undefined): ElevatedProgram[] {
  const rules = agent.elevated ?? [];
  if (rules.length === 0) return [];
  if (rootless)
    throw new Failure(
      'no-elevated-there',
      `agents.${agent.name}.elevated has commands that run as other users, which needs root.`,
      'sudo bulkhead up, or take them out.',
      3,
    );
  if (agent.tier === 'user' && agent.exec.ask === 'never')
    throw new Failure(
      'no-elevated-there',
      `agents.${agent.name}.elevated needs the exec gate, and with exec.ask: never tier user has none.`,
      'exec: { ask: on-miss }, or tier: sandbox, or take them out.',
      3,
    );
  return rules.map(({ run, as, with: types }, i) => {
    const at = `agents.${agent.name}.elevated[${i}]`;
    const refuse = (what: string, hint: string): never => {
      throw new Failure('bad-elevated', `${at} ${what}.`, hint);
    };
    if (accountOf(as) === undefined) refuse(`runs as ${as}, who is no user of this machine`, 'Name one that is.');
    const name = run[0] ?? '';
    const found = findProgram(name);
    if (!found) return refuse(`names ${name}, which is not on this machine`, 'Install it, or take the command out.');
    const never = notElevated(found.file);
    if (never)
      refuse(`names ${name}, which leads to ${found.file}: it is ${never}`, 'Name a program that does one thing.');
    for (const path of [found.file, ...found.links.map(({ at }) => at), ...interpreterOf(found.file)]) {
      const open = notRootsAlone(path);
      if (open)
        refuse(
          `names ${name}, and ${open} can be changed by others than root`,
          'Keep it where only root may write, such as /usr/local/sbin (root:root, 0755), with every folder above.',
        );
    }
    for (const [argument, type] of Object.entries(types)) {
      if (type.kind !== 'path') continue;
      if (realpathOf(type.below) !== type.below || !statSync(type.below).isDirectory())
        refuse(
          `has {${argument}} below ${type.below}, which is no folder, or a link leads there`,
          'Name the folder itself.',
        );
      const open = notRootsAlone(type.below);
      if (open)
        refuse(
          `has {${argument}} below ${type.below}, and ${open} can be changed by others than root`,
          'They could lead the command anywhere.',
        );
    }
    return { file: found.file, digest: digestOf(found.file) };
  });
}

/** What a `#!` line names (execve(2)), where the file is a script. */
function interpreterOf(file: string): string[] {
  const fd = openSync(file, 'r');
  try {
    const start = Buffer.alloc(256);
    const text = start.toString('latin1', 0, readSync(fd, start, 0, 256, 0));
    const path = /^#![ \t]*(\/[^\s\0]+)/.exec(text)?.[1];
    const real = path === undefined ? undefined : realpathOf(path);
    return real === undefined ? [] : [real];
  } finally {
    closeSync(fd);
  }
}

function realpathOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined; // not there, or a loop: nothing that it could be
  }
}

const known = new Map<string, { readonly version: string; readonly digest: string }>();

/** Read again only where the file is another by its inode, size and times. @throws when it cannot be read */
export function digestOf(file: string): string {
  const version = versionOf(statSync(file, { bigint: true }));
  const before = known.get(file);
  if (before?.version === version) return before.digest;
  const digest = createHash('sha256').update(readFileSync(file)).digest('hex');
  known.set(file, { version, digest });
  return digest;
}

/** A path below its folder as the text of it says is where it says: no link on the way, and no folder in which anybody but root could put
 *  one. The last part need not be there. @returns why it may not be used */
export function badElevatedPath(path: string): string | undefined {
  const folder = dirname(path);
  if (realpathOf(folder) !== folder) return `${folder} is not there, or a link leads to it`;
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return `${path} is a link`;
  const open = notRootsAlone(folder);
  return open && `${open} can be changed by others than root, who could lead it elsewhere`;
}

/** @returns undefined where there is no such user any more */
export function elevatedUser(name: string): ElevatedUser | undefined {
  const account = accountOf(name);
  if (account === undefined) return undefined;
  const groups = readAccounts('/etc/group')
    .filter(({ fields }) => (fields[3] ?? '').split(',').includes(name))
    .map(({ id }) => id);
  return { name, ...account, groups: [...new Set([account.gid, ...groups])] };
}
