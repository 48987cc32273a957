import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import { TOP } from '../tree/sources.ts';

// The runner of `npm test`, over files of three lines.

const FIGURES =
  /ℹ tests (\d+)\nℹ suites 0\nℹ pass (\d+)\nℹ fail (\d+)\nℹ cancelled (\d+)\nℹ skipped (\d+)\nℹ todo 0\nℹ duration_ms [\d.]+\n$/;

/** @returns how it ended, what it printed, and its figures: tests, pass, fail, cancelled, skipped */
function run(
  files: Readonly<Record<string, string>>,
  ms: number = 60_000,
): { status: number | null; out: string; figures: number[] } {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-runner-'));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), `import { test } from 'node:test';\n${text}`);
    }
    const { NODE_TEST_CONTEXT: _, ...env } = process.env; // else Node takes it for a part of this run
    const argv = [join(TOP, 'setup/run-tests.mjs'), String(ms), '**/*.test.mjs'];
    const { status, stdout, stderr } = spawnSync(process.execPath, argv, {
      cwd: folder,
      encoding: 'utf8',
      env,
      timeout: 60_000,
    });
    return { status, out: stdout + stderr, figures: FIGURES.exec(stdout)?.slice(1).map(Number) ?? [] };
  } finally {
    removeTree(folder);
  }
}

test('the figures of all files stand last, and every skip before them with its reason, also one of a test within a test', () => {
  // Texts for the runner, which are run by themselves: none of them is a test of ours that is left out.
  const { status, out, figures } = run({
    'a.test.mjs': `test('one', () => {});\ntest('two', { skip: 'it is cold' }, () => { throw new Error('it ran'); });`,
    'b/c.test.mjs': `test('all', async (t) => { await t.test('part', { skip: 'no part' }, () => {}); });\ntest('inside', (t) => t.skip('seen late'));\ntest('why', { skip: true }, () => {});`,
  });
  assert.deepEqual([status, figures], [0, [6, 2, 0, 0, 4]], out);
  // Where it stands is told with its time, and again behind all.
  const said = ['two # it is cold', 'part # no part', 'inside # seen late', 'why # no reason'];
  assert.deepEqual([...out.matchAll(/^﹣ ([^(\n]*)$/gm)].map(([, line]) => line).sort(), said.sort());
});

test('a file that fails, throws or does not come to an end fails the run, and is named behind all others', () => {
  const good = `test('good', () => {});`;
  const failed = run({
    'a.test.mjs': `test('bad', () => { throw new Error('on purpose'); });`,
    'b.test.mjs': `throw new Error('at its start');`,
    'c.test.mjs': good,
  });
  assert.deepEqual([failed.status, failed.figures], [1, [3, 1, 2, 0, 0]], failed.out);
  assert.match(failed.out, /failing tests:[\s\S]*✖ bad[\s\S]*on purpose/);
  assert.match(failed.out, /failing tests:[\s\S]*b\.test\.mjs/);
  const hung = run({ 'a.test.mjs': `test('hangs', () => new Promise(() => setInterval(() => {}, 1000)));` }, 2000);
  assert.equal(hung.status, 1, hung.out);
  assert.equal((hung.figures[2] ?? 0) + (hung.figures[3] ?? 0) > 0, true, hung.out);
});

test('no file to run is an error, not a run in which nothing failed', () => {
  const { status, out } = run({});
  assert.notEqual(status, 0);
  assert.match(out, /no test file/);
});
