import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

export const TOP: string = join(import.meta.dirname, '../..');

/** Every file of the project, as paths from its top: those git knows and those it would take. Without git: all but node_modules. */
export function projectFiles(): string[] {
  const listed = git('ls-files', '-z', '--cached', '--others', '--exclude-standard');
  const files = listed === undefined ? walk('') : listed.split('\0').filter((path) => path !== '');
  return files.filter((path) => lstatSync(join(TOP, path), { throwIfNoEntry: false })?.isFile()).sort();
}

function git(...args: string[]): string | undefined {
  try {
    // The clone may belong to another user than the one who tests it.
    return execFileSync('git', ['-c', 'safe.directory=*', '-C', TOP, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return undefined; // not a git repository: an unpacked archive
  }
}

function walk(folder: string): string[] {
  return readdirSync(join(TOP, folder), { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'node_modules' || entry.name === '.git') return [];
    const path = posix.join(folder, entry.name);
    return entry.isDirectory() ? walk(path) : [path];
  });
}

export function read(path: string): string {
  return readFileSync(join(TOP, path), 'utf8');
}

/** One thing a source file imports. */
export interface Import {
  /** A path from the top for a file of ours, else as written: `node:fs`, `koffi`. */
  readonly to: string;
  /** Names taken from it; empty for everything else (`* as x`, default, dynamic, for its effect). */
  readonly names: readonly string[];
  readonly typeOnly: boolean;
}

const STATEMENT = /^(?:import|export)\s+(type\s+)?(?:([^'";]*?)\s+from\s+)?'([^']+)'/gm;
const DYNAMIC = /\bimport\(\s*'([^']+)'\s*\)/g;

/** Static and dynamic imports, re-exports and type imports, in our one way of writing them (biome keeps it so). */
export function importsOf(path: string, source: string = read(path)): Import[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const resolve = (to: string): string => (to.startsWith('.') ? posix.join(posix.dirname(path), to) : to);
  const found = [...code.matchAll(STATEMENT)].map(([, type, names, to]) => ({
    to: resolve(to ?? ''),
    names:
      /^\{([^}]*)\}$/
        .exec((names ?? '').trim())?.[1]
        ?.split(',')
        .map(plainName)
        .filter(Boolean) ?? [],
    typeOnly: type !== undefined || /^\{(\s*type\s[^,}]*,?)+\s*\}$/.test((names ?? '').trim()),
  }));
  const dynamic = [...code.matchAll(DYNAMIC)].map(([, to]) => ({ to: resolve(to ?? ''), names: [], typeOnly: false }));
  return [...found, ...dynamic];
}

const plainName = (name: string): string =>
  name
    .trim()
    .replace(/^type\s+/, '')
    .replace(/\s+as\s+.*$/, '');

export const sources: readonly string[] = projectFiles().filter(
  (path) => path.startsWith('src/') && path.endsWith('.ts'),
);

/** All files that `path` brings into the process, itself included: type imports are gone at run time and do not count. */
export function reachedFrom(path: string, seen: Set<string> = new Set()): Set<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  for (const { to, typeOnly } of importsOf(path)) if (!typeOnly && sources.includes(to)) reachedFrom(to, seen);
  return seen;
}
