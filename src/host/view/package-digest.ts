import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';

export interface FromPackage {
  readonly package: string;
  readonly version: string;
}

/** Whether the package manager says that this file is what a package put there. Debian's keeps MD5 and nothing better
 *  (deb-md5sums(5)): this tells an upgrade from a change by somebody else, and not from one by a person who can make two files of one MD5 and has
 *  one of them packaged.
 *  @param content  the same file's bytes, as they were read
 *  @param admin  dpkg's folder
 *  @returns undefined for a file that is not root's alone, of no package or of two, diverted, changed, or of one that is just being installed */
export function packageOf(file: string, content: Buffer, admin = '/var/lib/dpkg'): FromPackage | undefined {
  const { uid, mode } = statSync(file);
  if (uid !== 0 || (mode & 0o022) !== 0) return undefined;
  const names = [file, ...(file.startsWith('/usr/') ? [file.slice(4)] : [])]; // /bin and its like are links to /usr
  const diverted = read(`${admin}/diversions`).split('\n');
  if (names.some((name) => diverted.includes(name))) return undefined;
  const owners = readdir(`${admin}/info`)
    .filter((name) => name.endsWith('.md5sums'))
    .flatMap((name) => {
      const digest = listed(read(`${admin}/info/${name}`), names);
      return digest === undefined ? [] : [{ name: basename(name, '.md5sums'), digest }];
    });
  const [owner] = owners;
  if (owner === undefined || owners.length > 1) return undefined;
  if (owner.digest !== createHash('md5').update(content).digest('hex')) return undefined;
  const version = installed(read(`${admin}/status`), owner.name);
  return version === undefined ? undefined : { package: owner.name, version };
}

/** The digest that a md5sums file has for one of these paths: 32 hexadecimal digits, two spaces, the path without its first slash. */
function listed(text: string, names: readonly string[]): string | undefined {
  for (const name of names) {
    const end = text.indexOf(`  ${name.slice(1)}\n`);
    if (end >= 32 && (end === 32 || text[end - 33] === '\n')) return text.slice(end - 32, end);
  }
  return undefined;
}

/** @param name  of a package, `NAME:ARCHITECTURE` where several may be installed
 *  @returns its version, if it is installed whole (dpkg(1)) */
function installed(status: string, name: string): string | undefined {
  const [plain, architecture] = name.split(':');
  for (const paragraph of status.split('\n\n')) {
    const field = (key: string): string | undefined => new RegExp(`^${key}: (.*)$`, 'm').exec(paragraph)?.[1];
    if (field('Package') !== plain || (architecture !== undefined && field('Architecture') !== architecture)) continue;
    if (field('Status') === 'install ok installed') return field('Version');
  }
  return undefined;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // not a Debian, or nothing of the kind is there
  }
}

function readdir(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
