import {
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { FoundProgram } from '../../tiers/programs.ts';
import { PROGRAM_FOLDERS } from '../../tiers/view.ts';

/** What a program's name leads to on this host; undefined when it is not installed. An absolute path stands for itself.
 *  Follows at most 40 links, as the kernel does (path_resolution(7)). */
export function findProgram(name: string): FoundProgram | undefined {
  const candidates = isAbsolute(name) ? [name] : PROGRAM_FOLDERS.map((folder) => join(folder, name));
  const start = candidates.find(runnable);
  if (start === undefined) return undefined;
  const links: { at: string; to: string }[] = [];
  let at = start;
  for (let hops = 0; hops < 40; hops++) {
    at = join(realpathSync(dirname(at)), at.slice(dirname(at).length === 1 ? 1 : dirname(at).length + 1));
    if (!lstatSync(at).isSymbolicLink()) return { name, links, file: at, script: startsWithHashBang(at) };
    const to = readlinkSync(at);
    links.push({ at, to });
    at = resolve(dirname(at), to);
  }
  return undefined;
}

export interface Installed {
  readonly name: string;
  /** The path that the name stands under, and the file it leads to. */
  readonly at: string;
  readonly file: string;
}

/** Every program in the program folders of this host. Some 40 ms for a thousand. */
export function installedPrograms(): Installed[] {
  return PROGRAM_FOLDERS.flatMap((folder) =>
    namesIn(folder).flatMap((name) => {
      const at = join(folder, name);
      return runnable(at) ? [{ at, name, file: realpathSync(at) }] : [];
    }),
  );
}

/** The same program under other names in these trees (git keeps one there): files of the same content. */
export function copiesIn(trees: readonly string[], file: string): string[] {
  const { size } = statSync(file);
  const content = readFileSync(file);
  return trees.flatMap((tree) =>
    readdirSync(tree, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => path !== file && statSync(path).size === size && readFileSync(path).equals(content)),
  );
}

/** Sorted; a name that no order can hold is left out, and a part of shell scripts (gettext.sh), which is read and not started. A
 *  folder that is a link leads to one that is looked at anyway. */
function namesIn(folder: string): string[] {
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(folder)
    .filter((name) => !/\p{Cc}|\.sh$/u.test(name))
    .sort();
}

/** Files below a library tree that are programs (executable, not a shared object): they are covered in every compartment.
 *  @returns absolute paths; links are not followed */
export function programsBelow(tree: string): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(tree, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || /\.so(\.|$)|\.node$/.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    if ((statSync(path).mode & 0o111) !== 0 && !isDynamicLoader(entry.name)) found.push(path);
  }
  return found.sort();
}

/** The kernel itself opens it for every dynamic program, so it cannot be covered. What it is asked to start must still be on an
 *  executable mount. */
function isDynamicLoader(name: string): boolean {
  return /^ld-linux|^ld-\d/.test(name);
}

function runnable(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true && (stat.mode & 0o111) !== 0;
}

function startsWithHashBang(path: string): boolean {
  const fd = openSync(path, 'r');
  try {
    const start = Buffer.alloc(2);
    return readSync(fd, start, 0, 2, 0) === 2 && start.toString('latin1') === '#!';
  } finally {
    closeSync(fd);
  }
}
