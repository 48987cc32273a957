import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeTree } from '../../src/host/files/mounts.ts';
import { openProcess } from '../../src/host/processes/pidfd.ts';
import { Endings } from '../../src/programs/gate/endings.ts';
import type { Journal } from '../../src/programs/gate/journal.ts';

interface Line {
  readonly pid: number;
  readonly status?: number | string;
  readonly signal?: number;
}

test('a gate that begins forgets nobody whom the last one watched, at whatever moment it is killed itself', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-endings-'));
  const path = join(folder, 'running');
  const fd = openSync(path, 'a+');
  closeSync(fd);
  const file = openSync(path, 'r+');
  const children = [0, 1, 2].map(() => spawn('sleep', ['600'], { stdio: 'ignore' }));
  t.after(() => {
    for (const child of children) child.kill('SIGKILL');
    closeSync(file);
    removeTree(folder);
  });
  const [first, second, third] = children.map(({ pid }) => pid ?? assert.fail()) as [number, number, number];
  const lines: Line[] = [];
  /** Who stands in the file as each line is written: what the next gate would find. */
  const known: number[][] = [];
  const write = (line: Line): void => {
    lines.push(line);
    const text = readFileSync(path, 'latin1');
    known.push([first, second, third].filter((pid) => text.includes(`"pid":${pid},`)));
  };
  const journal = { write } as unknown as Journal;
  const earlier = new Endings(file, journal);
  for (const pid of [first, second, third])
    earlier.begin(openProcess(pid) ?? assert.fail(), { pid, agent: 'one', rule: 'r', path: '/p', of: pid });
  const gone = once(children[0] as (typeof children)[0], 'exit');
  children[0]?.kill('SIGKILL');
  await gone;
  const next = new Endings(file, journal);
  next.resume();
  assert.deepEqual(
    [lines.map(({ pid, status }) => [pid, status]), known],
    [[[first, 'unknown']], [[first, second, third]]],
  );
  const fourth = spawn('sleep', ['600'], { stdio: 'ignore' });
  children.push(fourth);
  const pid = fourth.pid ?? assert.fail();
  next.begin(openProcess(pid) ?? assert.fail(), { pid, agent: 'one', rule: 'r', path: '/p', of: pid });
  for (const child of children.slice(1)) child.kill('SIGTERM');
  for (const late = Date.now() + 60_000; lines.length < 4; await sleep(10)) {
    assert.ok(Date.now() < late, JSON.stringify(lines));
    next.look();
  }
  assert.deepEqual(
    lines
      .slice(1)
      .map((line) => line.pid)
      .sort(),
    [second, third, pid].sort(),
  );
  known.length = 0;
  new Endings(file, journal).resume();
  assert.deepEqual([lines.length, known], [4, []], 'nobody is told of twice');
});
