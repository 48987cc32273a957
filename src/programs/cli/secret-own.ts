import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { holdsCredential } from '../../policy/own-credentials.ts';
import type { OwnPlace } from '../../policy/secret-findings.ts';
import { whoAsks } from './config/read.ts';

/** Where a person's tools keep theirs, below the home folder. */
const FILES: readonly (readonly [place: OwnPlace, file: string])[] = [
  ['netrc', '.netrc'],
  ['git-credentials', '.git-credentials'],
  ['git-credentials', '.config/git/credentials'],
  ['gh', '.config/gh/hosts.yml'],
  ['aws', '.aws/credentials'],
  ['npmrc', '.npmrc'],
  ['pypirc', '.pypirc'],
  ['docker', '.docker/config.json'],
  ['claude', '.claude/.credentials.json'],
  ['codex', '.codex/auth.json'],
];
const MOST_BYTES = 1024 * 1024;

/** Where a value is a person's own already: in the environment that we were started with, or in a file of theirs. Under sudo these are the
 *  files of whoever typed it. Looked at before the value is sealed; the value is told to nobody. */
export function ownPlacesOf(value: string, env: Readonly<Record<string, string | undefined>>): OwnPlace[] {
  const found = new Set<OwnPlace>();
  if (Object.values(env).includes(value)) found.add('environment');
  const home = homeOf(env);
  if (home === undefined) return [...found];
  for (const [place, file] of FILES) if (holdsCredential(readSome(join(home, file)), value)) found.add(place);
  return [...found];
}

/** Their tools go by HOME; under sudo that may be root's. */
function homeOf(env: Readonly<Record<string, string | undefined>>): string | undefined {
  return env.SUDO_UID === undefined && env.HOME?.startsWith('/') ? env.HOME : whoAsks().home;
}

/** @returns '' for what is not there, not ours to read, or no ordinary file */
function readSome(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return '';
  }
  try {
    if (!fstatSync(fd).isFile()) return '';
    const bytes = Buffer.alloc(MOST_BYTES);
    return bytes.toString('utf8', 0, readSync(fd, bytes, 0, MOST_BYTES, 0));
  } catch {
    return '';
  } finally {
    closeSync(fd);
  }
}
