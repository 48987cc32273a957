import {
  closeSync,
  existsSync,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { removeTree } from '../../host/files/mounts.ts';
import type { Pin } from './messages.ts';

/** So many names of one agent; then all are forgotten, and programs that run see `(deleted)` behind theirs. */
const MOST = 4096;

/** Gives a copy the name of what it is a copy of: programs look beside their own file for their parts, and find it by /proc/self/exe.
 *  For each agent there is a folder in which every copy stands under the whole path of its original, as a hard link, and a
 *  mount of that folder which is attached nowhere (src/host/gate/detached-tree.ts): what is opened through it is called as on the
 *  host. */
export class Names {
  protected readonly folder: string;
  readonly #trees = new Map<string, number>();
  readonly #counts = new Map<string, number>();

  /** @param folder  holds a folder for each agent; on one file system with the copies */
  constructor(folder: string) {
    this.folder = folder;
  }

  /** @param tree  the detached mount of its folder, ours from now on */
  give(agent: string, tree: number): void {
    const before = this.#trees.get(agent);
    if (before !== undefined) closeSync(before);
    this.#trees.set(agent, tree);
  }

  /** Forgets everybody else. */
  keep(agents: readonly string[]): void {
    for (const [agent, tree] of this.#trees) {
      if (agents.includes(agent)) continue;
      closeSync(tree);
      this.#trees.delete(agent);
    }
    for (const agent of entries(this.folder)) if (!agents.includes(agent)) removeTree(`${this.folder}/${agent}`);
  }

  /** Forgets names whose copy is deleted, but of what runs.
   *  @param running  "DEVICE INODE" */
  keepFiles(running: ReadonlySet<string>): void {
    for (const entry of existsSync(this.folder)
      ? readdirSync(this.folder, { recursive: true, withFileTypes: true })
      : []) {
      if (!entry.isFile()) continue;
      const at = join(entry.parentPath, entry.name);
      const { dev, ino, nlink } = statSync(at);
      if (nlink === 1 && !running.has(`${dev} ${ino}`)) rmSync(at);
    }
  }

  /** @param path  of the original: absolute, without links, `.` and `..`
   *  @returns the open copy, ours to close; under a name of ours where the agent has no tree */
  open(agent: string, path: string, pin: Pin): number {
    const tree = this.#trees.get(agent);
    if (tree === undefined) return openSync(pin.path, 'r');
    const { dev, ino } = statSync(pin.path);
    if (!is(`${this.folder}/${agent}${path}`, dev, ino)) this.#name(this.way(agent, path), pin);
    const fd = openSync(`/proc/self/fd/${tree}${path}`, 'r');
    const opened = fstatSync(fd);
    if (opened.dev === dev && opened.ino === ino) return fd;
    closeSync(fd);
    throw new Error(`${path} leads to another file in the names of ${agent}`);
  }

  protected treeOf(agent: string): number | undefined {
    return this.#trees.get(agent);
  }

  /** Makes room for a name. @returns where it is to stand */
  protected way(agent: string, path: string): string {
    const root = `${this.folder}/${agent}`;
    const at = root + path;
    const count = (this.#counts.get(agent) ?? 0) + 1;
    if (count > MOST) for (const name of entries(root)) removeTree(`${root}/${name}`);
    this.#counts.set(agent, count > MOST ? 1 : count);
    makeWay(root, dirname(at));
    if (statSync(at, { throwIfNoEntry: false })?.isDirectory()) removeTree(at);
    return at;
  }

  #name(at: string, pin: Pin): void {
    const next = `${this.folder}/.next`;
    rmSync(next, { force: true });
    linkSync(pin.path, next);
    renameSync(next, at);
  }
}

/** What was a program's name becomes a folder when something lies in it now. */
function makeWay(root: string, folder: string): void {
  if (folder === root) return;
  makeWay(root, dirname(folder));
  const there = statSync(folder, { throwIfNoEntry: false });
  if (there?.isDirectory()) return;
  if (there) removeTree(folder);
  mkdirSync(folder);
}

function is(path: string, dev: number, ino: number): boolean {
  try {
    const there = statSync(path);
    return there.dev === dev && there.ino === ino;
  } catch {
    return false; // nothing of this name yet, or a file where a folder is to be
  }
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name !== '.next');
  } catch {
    return []; // nobody has a name yet
  }
}
