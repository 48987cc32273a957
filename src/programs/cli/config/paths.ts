import { posix } from 'node:path';
import { LONGEST_PATH } from '../../../model/bounds.ts';
import { quoted } from './shown.ts';

/** Why something in the file cannot be, as message and hint. */
export interface Problem {
  readonly problem: string;
  readonly hint: string;
}

/** `~/x` in the operator's home, `x` and `./x` beside the fleet.yaml, `/x` as it is; no trailing slash. Nothing is looked up: the
 *  host side resolves links. `..` is refused because what stands in the file should be what is shared.
 *  @param home  undefined: the home of whoever asks is not known */
export function expandPath(raw: string, home: string | undefined, folder: string): string | Problem {
  if (/[\0\n\r]/.test(raw) || raw.length > LONGEST_PATH)
    return {
      problem: `${quoted(raw)} is not a path`,
      hint: `A path is one line of at most ${LONGEST_PATH} characters.`,
    };
  if (raw.split('/').includes('..'))
    return { problem: `${quoted(raw)} goes up with ".."`, hint: 'Write the folder itself, from / or ~/ on.' };
  if (raw.startsWith('~') && raw !== '~' && !raw.startsWith('~/'))
    return { problem: `${quoted(raw)} names the home of somebody else`, hint: 'Write the path from / on.' };
  if (raw.startsWith('~') && home === undefined)
    return { problem: `${quoted(raw)} stands for a home that is not known`, hint: 'Write the path from / on.' };
  const whole = raw.startsWith('~') ? `${home}/${raw.slice(1)}` : posix.resolve(folder, raw);
  const path = posix.resolve('/', whole);
  if (path.length > LONGEST_PATH || path.split('/').some((part) => Buffer.byteLength(part) > 255))
    return { problem: `${quoted(raw)} is too long for a path`, hint: 'A name in it has at most 255 bytes.' };
  return path;
}

/** Whether `path` is `folder` or below it; both absolute. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || folder === '/' || path.startsWith(`${folder}/`);
}

/** Whole folders that are never one agent's workspace or knowledge; folders below them may be. */
const TOO_WIDE = [
  '/',
  '/home',
  '/root',
  '/Users',
  '/var',
  '/var/lib',
  '/etc',
  '/usr',
  '/opt',
  '/srv',
  '/mnt',
  '/media',
  '/tmp',
  '/var/tmp',
];
/** Nothing below these is a folder of a person's own. */
const SYSTEM = [
  '/bin',
  '/sbin',
  '/lib',
  '/lib64',
  '/boot',
  '/dev',
  '/proc',
  '/sys',
  '/run',
  '/var/run',
  '/var/lib/bulkhead',
];
const SYSTEM_TO_WRITE = [
  '/etc',
  '/usr/bin',
  '/usr/sbin',
  '/usr/lib',
  '/usr/libexec',
  '/usr/local/bin',
  '/usr/local/sbin',
  '/usr/local/lib',
];
/** In a home: what holds keys, or what host programs obey. */
const PRIVATE = [
  '.ssh',
  '.gnupg',
  '.aws',
  '.azure',
  '.kube',
  '.docker',
  '.config',
  '.local',
  '.claude',
  '.codex',
  '.mozilla',
  '.password-store',
  '.netrc',
  '.npmrc',
  '.pypirc',
  '.git-credentials',
  '.bashrc',
  '.profile',
  '.bash_profile',
  '.zshrc',
];

/** Why an agent cannot have this path, though it is one; undefined: it can.
 *  @param use  `write`: a shared workspace; `read`: a knowledge entry */
export function tooMuch(path: string, use: 'read' | 'write', home: string | undefined): Problem | undefined {
  const hint = 'Name the one folder it is about.';
  if (TOO_WIDE.includes(path)) return { problem: `${path} is far more than one agent's business`, hint };
  if (home !== undefined && isWithin(home, path)) return { problem: `${path} holds your whole home`, hint };
  const system = use === 'write' ? [...SYSTEM, ...SYSTEM_TO_WRITE] : SYSTEM;
  const inside = system.find((folder) => isWithin(path, folder));
  if (inside !== undefined) return { problem: `${path} is part of the system (${inside})`, hint };
  const key = home === undefined ? undefined : PRIVATE.find((name) => isWithin(path, `${home}/${name}`));
  return key === undefined ? undefined : { problem: `${path} holds keys or settings of yours (~/${key})`, hint };
}
