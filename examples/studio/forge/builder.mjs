// The builder takes the project, runs its tests, builds a program with it and starts that program: what an agent that writes
// software does all day. Its workspace is executable for that (exec.own: allow), everything else about it is closed.
//
//   node builder.mjs [--once]    works in ./project; writes build.log and summary.txt; builds again when the project changes
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PAUSE = 30_000;
const source = join(import.meta.dirname, 'project');

function digestOf(folder) {
  const hash = createHash('sha256');
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    hash.update(`${path}\0`).update(readFileSync(path));
  }
  return hash.digest('hex');
}

/** One step: what ran, whether it went well, and what it printed. */
function step(what, program, ...args) {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: 'project',
    env,
    encoding: 'utf8',
    timeout: 60_000,
  });
  const text = `$ ${[program, ...args].join(' ')}\n${stdout ?? ''}${stderr ?? ''}${error ? `${error.message}\n` : ''}`;
  console.log(`${what}: ${status === 0 ? 'ok' : 'failed'}`);
  return { what, ok: status === 0, stdout: stdout ?? '', text };
}

function build() {
  cpSync(source, 'project', { recursive: true, preserveTimestamps: true });
  const tests = step('tests', process.execPath, '--test', '--test-reporter=tap', 'test/stamp.test.mjs');
  const steps = [tests];
  if (tests.ok) steps.push(step('build', process.execPath, 'stamp.mjs', 'label.txt', 'label'));
  if (steps.at(-1).ok) steps.push(step('own program', './label'));
  writeFileSync('build.log', steps.map(({ text }) => text).join('\n'));

  const passed = /^# pass (\d+)/m.exec(tests.stdout)?.[1] ?? '0';
  const failed = steps.find(({ ok }) => !ok);
  const lines = [`${passed} tests of the project passed${failed ? `; "${failed.what}" failed, see build.log` : ''}.`];
  if (!failed) lines.push('Built a program (no library, no interpreter) and ran it:', steps.at(-1).stdout.trimEnd());
  writeFileSync('summary.txt', `${lines.join('\n')}\n`);
}

let last = '';
function round() {
  const now = digestOf(source);
  if (now === last) return;
  build();
  last = now;
}

round();
if (!process.argv.includes('--once')) setInterval(round, PAUSE);
