import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { connect, finish, folder, signed, started, until } from './process.ts';

interface Call {
  readonly name: string;
  /** Of the descriptor, or the first path named. */
  readonly path: string;
  readonly at: 'begin' | 'end';
}

/** The calls of all threads in the order strace saw them begin and end (strace(1), options -f and -y). */
function calls(trace: string): Call[] {
  const open = new Map<string, { name: string; path: string }>();
  const seen: Call[] = [];
  for (const line of trace.split('\n')) {
    const [, pid = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const begun = /^(\w+)\((?:\d+<([^>]*)>|"([^"]*)")/.exec(rest);
    if (begun) {
      const call = { name: begun[1] as string, path: begun[2] ?? begun[3] ?? '' };
      seen.push({ ...call, at: 'begin' });
      if (rest.endsWith('<unfinished ...>')) open.set(pid, call);
      else if (/= \d+$/.test(rest)) seen.push({ ...call, at: 'end' });
    } else if (/resumed>.*= \d+$/.test(rest)) {
      const call = open.get(pid);
      if (call) seen.push({ ...call, at: 'end' });
    }
  }
  return seen;
}

test('no head is put in place before every tile, bundle and whole entry, and their folders, are on disk', async (t) => {
  const home = folder(t);
  const out = join(home, 'trace');
  const strace = [
    'strace',
    '-D',
    '-f',
    '-y',
    '-s',
    '200',
    '-o',
    out,
    '-e',
    'trace=write,pwrite64,fsync,fdatasync,rename',
  ];
  const running = await started(t, home, strace);
  const client = await connect(t, running);
  for (let size = 20; size <= 800; size += 20) {
    await client.append(Array(20).fill({ event: 'step.begin' }), 'acknowledged');
    if ([260, 520, 800].includes(size)) await signed(client, size);
  }
  await client.append([{ event: 'step.end', long: 'x'.repeat(70_000) }], 'acknowledged');
  assert.equal(await finish(running), 0);
  // The tracer ends after the traced.
  const over = new RegExp(`^${running.child.pid} +\\+\\+\\+ exited`, 'm');
  await until(() => over.test(readFileSync(out, 'utf8')), 'the tracer does not write the end');
  const dirty = new Set<string>();
  const dirtyFolders = new Set<string>();
  let heads = 0;
  let tiles = 0;
  for (const { name, path, at } of calls(readFileSync(out, 'utf8'))) {
    // The log may already hold entries that the head does not cover.
    if (!path.startsWith(running.dir) || path.includes('/log/')) continue;
    if (at === 'begin' && (name === 'write' || name === 'pwrite64')) {
      if (path.includes('/tile/')) tiles++;
      dirty.add(path);
      dirtyFolders.add(dirname(path));
    }
    if (at === 'end' && (name === 'fsync' || name === 'fdatasync')) {
      dirty.delete(path);
      dirtyFolders.delete(path);
    }
    if (at === 'begin' && name === 'rename' && path.endsWith('/checkpoint.next')) {
      heads++;
      assert.deepEqual([...dirty], [], 'files that are not synced when a head is put in place');
      assert.deepEqual(
        [...dirtyFolders].filter((folder) => /\/(tile|whole)/.test(folder)),
        [],
        'folders that are not',
      );
    }
  }
  t.diagnostic(`${heads} heads, ${tiles} tiles`);
  assert.ok(heads >= 4 && tiles >= 15, `${heads} heads, ${tiles} tiles`);
});
