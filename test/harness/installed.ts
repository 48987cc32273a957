import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { removeTree } from '../../src/host/files/mounts.ts';
import { TOP } from '../tree/sources.ts';

const CACHE = join(realpathSync(join(TOP, 'node_modules')), '.cache/harness');
const NPM_MS = 180_000;

/** The folder with node_modules of an unmodified harness, as test/harness/NAME/package-lock.json has it: every file by its digest,
 *  no install script run. It is not among the project's own packages, which would bring 183 packages and 170 MB to everybody who
 *  only wants to run Bulkhead, and packages with install scripts into its lock; it is fetched once and kept below node_modules.
 *
 *  @returns undefined when it is not here and npm cannot reach where packages come from
 *  @throws Error when npm fails otherwise, such as for a wrong digest */
export async function installedHarness(name: 'pi' | 'claude-code' | 'codex'): Promise<string | undefined> {
  const locked = join(import.meta.dirname, name);
  const lock = readFileSync(join(locked, 'package-lock.json'));
  const folder = join(CACHE, createHash('sha256').update(lock).digest('hex').slice(0, 16));
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  const made = mkdtempSync(join(CACHE, 'new-'));
  try {
    for (const name of ['package.json', 'package-lock.json']) cpSync(join(locked, name), join(made, name));
    const ways = [
      '--ignore-scripts',
      '--omit=optional',
      '--no-audit',
      '--no-fund',
      '--no-progress',
      '--loglevel=error',
    ];
    await promisify(execFile)('npm', ['ci', ...ways], { cwd: made, timeout: NPM_MS });
    execFileSync('chmod', ['-R', 'a+rX', made]); // agents, users of their own, are to read it
    renameSync(made, folder);
    return folder;
  } catch (error) {
    if (existsSync(folder)) return folder; // another test has fetched it meanwhile
    const said = (error as { stderr?: string }).stderr ?? '';
    if (/\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|ETIMEDOUT)\b/.test(said)) return undefined;
    throw error;
  } finally {
    removeTree(made);
  }
}

/** Programs that npm has for one processor only. */
export const NOT_X64: false | string = process.arch === 'x64' ? false : 'its program here is for x86-64';

/** The same, for a test that is about to be declared.
 *  @param skip  why the test is skipped anyway: then nothing is fetched
 *  @returns with the test's `skip`, which says so too where there is none */
export async function harnessFor(
  name: 'pi' | 'claude-code' | 'codex',
  skip: false | string,
): Promise<{ readonly folder: string; readonly skip: false | string }> {
  const folder = skip === false ? await installedHarness(name) : undefined;
  if (folder !== undefined) return { folder, skip: false };
  return { folder: '', skip: skip || `${name} ${NOT_REACHED}` };
}

/** Behind the name of what is not there. */
export const NOT_REACHED = 'is not in node_modules/.cache, and npm does not reach where packages come from';
