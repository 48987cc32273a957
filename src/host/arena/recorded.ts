import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { writtenForms } from '../../drill/written-forms.ts';

/** Below a state: programs, sockets and mounts of compartments, and what is the agents' own. All else is what we keep. */
const NOT_KEPT = ['lib', 'run', 'agents'];

/** What a state keeps: the record, the gateway's files, journals, logs. */
export function keptIn(state: string): string[] {
  return readdirSync(state)
    .filter((name) => !NOT_KEPT.includes(name))
    .map((name) => join(state, name));
}

/** How many files have the value in them, however it is written.
 *  @throws Error with what grep(1) says when one cannot be read */
export function holding(paths: readonly string[], value: string): Promise<number> {
  const there = paths.filter((path) => existsSync(path));
  if (there.length === 0) return Promise.resolve(0);
  // The forms come by a pipe, so that no list of processes has them.
  const child = spawn('grep', ['-rlaiF', '-D', 'skip', '-f', '-', '--', ...there], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' },
  });
  let [files, complaint] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    files += chunk.toString('latin1');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  child.stdin.on('error', () => {}); // it ended: its status says so
  child.stdin.end(`${writtenForms(value).join('\n')}\n`);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => {
      // What was there a moment ago and is gone (a journal that was merged) is no file that holds anything.
      const unread = complaint
        .split('\n')
        .filter((line) => line !== '' && !line.endsWith(': No such file or directory'));
      if (status !== null && status <= 2 && unread.length === 0)
        resolve(files.split('\n').filter((line) => line !== '').length);
      else reject(new Error(`what is kept could not be searched: ${unread.join('; ') || `status ${status}`}`));
    });
  });
}
