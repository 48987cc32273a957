import assert from 'node:assert/strict';
import test from 'node:test';
import { projectFiles, read } from './sources.ts';

const LONGEST = 400;
const AIM = 300;

const lines = projectFiles()
  .filter((path) => /^(src|setup|web)\//.test(path))
  .map((path) => ({ path, count: read(path).split('\n').length - 1 }))
  .sort((a, b) => b.count - a.count);

test(`no source file is longer than ${LONGEST} lines`, (t) => {
  const median = lines[Math.floor(lines.length / 2)]?.count;
  t.diagnostic(`${lines.length} files, median ${median} lines, longest ${lines[0]?.count} (${lines[0]?.path})`);
  for (const { path, count } of lines.filter(({ count }) => count > AIM))
    t.diagnostic(`over ${AIM}: ${path} has ${count}`);
  assert.deepEqual(
    lines.filter(({ count }) => count > LONGEST),
    [],
  );
});
