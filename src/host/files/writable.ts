import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { ordinaryUser } from '../machine/ordinary-user.ts';

const SHOWN = 3;

/** Paths of a tree, or above it, that somebody besides root and us may write or replace; the first few. What is below a folder of
 *  node_modules is not looked at one by one. */
export function writableByOthers(tree: string): string[] {
  const found = openAbove(tree);
  walk(tree, found);
  return found.slice(0, SHOWN);
}

/** Folders above a path that let somebody besides root and us replace what is in them. */
export function openAbove(path: string): string[] {
  const found: string[] = [];
  for (let at = dirname(path); ; at = dirname(at)) {
    if (open(at, true)) found.push(at);
    if (at === dirname(at)) return found;
  }
}

function walk(at: string, found: string[]): void {
  if (found.length >= SHOWN) return;
  if (open(at, false)) found.push(at);
  const entries = readdirSync(at, { withFileTypes: true });
  for (const entry of entries) {
    const path = join(at, entry.name);
    if (found.length >= SHOWN || entry.name === '.git') continue;
    if (entry.isDirectory() && dirname(at) !== 'node_modules' && !at.endsWith('/node_modules')) walk(path, found);
    else if (!entry.isSymbolicLink() && open(path, false)) found.push(path);
  }
}

/** A sticky folder above ours lets others add to it, not replace what is root's or ours. */
function open(path: string, above: boolean): boolean {
  const stat = lstatSync(path);
  return !(above && (stat.mode & 0o1000) !== 0 && stat.uid === 0) && othersMay(stat);
}

/** The part of a path (itself, or a folder above it) that somebody besides root and us may change or replace, or put something new
 *  into; undefined: none. A link is changed in its folder alone; where it leads is to be asked for by itself. */
export function notRootsAlone(path: string): string | undefined {
  for (let at = path; ; at = dirname(at)) {
    const stat = lstatSync(at);
    if (othersMay(stat.isSymbolicLink() ? { ...stat, mode: 0 } : stat)) return at;
    if (at === dirname(at)) return undefined;
  }
}

/** What is owned by somebody besides root and us can be changed by them, whatever its mode; a group may be many. */
function othersMay({ uid, gid, mode }: Pick<Stats, 'uid' | 'gid' | 'mode'>): boolean {
  const us = ordinaryUser();
  const foreign = uid !== 0 && uid !== us?.uid;
  return foreign || (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== 0 && gid !== us?.gid);
}
