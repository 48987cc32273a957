import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import type { Stand } from './stand.ts';

/** The process that serves a state: the one whose argument it is. */
export function wardenOf({ state }: Pick<Stand, 'state'>): number {
  const found = pids().find((pid) => {
    const words = quietly(`/proc/${pid}/cmdline`).split('\0');
    return words.some((word) => word.endsWith('/warden/main.ts')) && words[words.indexOf('--state') + 1] === state;
  });
  return found ?? assert.fail(`no warden serves ${state}`);
}

/** Where one of the texts is: in the files of a state, in an argument or in the environment of a process. */
export function holding(state: string, texts: readonly string[]): string[] {
  const found: string[] = [];
  for (const text of texts) {
    const files = spawnSync('grep', ['-rlaF', '--exclude-dir=lib', text, state], { encoding: 'utf8' });
    found.push(...files.stdout.split('\n').filter((line) => line !== ''));
    for (const pid of pids().filter((pid) => pid !== process.pid))
      for (const file of ['cmdline', 'environ'])
        if (quietly(`/proc/${pid}/${file}`).includes(text)) found.push(`${pid} ${file}`);
  }
  return found;
}

/** Which of the texts are in the writable memory of a process (proc(5), maps and mem). */
export function inMemory(pid: number, texts: readonly string[]): string[] {
  const found = new Set<string>();
  const mem = openSync(`/proc/${pid}/mem`, 'r');
  const chunk = Buffer.alloc(4 * 1024 * 1024);
  try {
    for (const line of quietly(`/proc/${pid}/maps`).split('\n')) {
      const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
      if (from === undefined || to === undefined) continue;
      const end = Number.parseInt(to, 16);
      for (let at = Number.parseInt(from, 16); at < end; at += chunk.length - 8192) {
        const length = readSome(mem, chunk, Math.min(chunk.length, end - at), at);
        for (const text of texts) if (chunk.subarray(0, length).includes(text)) found.add(text);
      }
    }
  } finally {
    closeSync(mem);
  }
  return [...found];
}

/** Core files where a program of ours would leave one: its working folder, or where the kernel is told to (core(5)). */
export function coreFiles(): string[] {
  const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim();
  const folders = ['/', ...(pattern.startsWith('/') ? [pattern.replace(/\/[^/]*$/, '') || '/'] : [])];
  return folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((name) => `${folder}/${name}`))
    .filter((path) => /\/core[^/]*$/.test(path));
}

function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function readSome(fd: number, into: Buffer, length: number, at: number): number {
  try {
    return readSync(fd, into, 0, length, at);
  } catch {
    return 0; // not there, or not to be read
  }
}

function quietly(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // it has ended
  }
}
