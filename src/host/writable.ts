import { lstatSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ordinaryUser } from './ordinary-user.ts';

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
  const { uid, gid, mode } = lstatSync(path);
  const us = ordinaryUser();
  if (above && (mode & 0o1000) !== 0 && uid === 0) return false;
  const foreign = uid !== 0 && uid !== us?.uid;
  return foreign || (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== 0 && gid !== us?.gid);
}
