// Runs test files, up to three at a time, and reports them by setup/figures-last.mjs. Node's own runner takes files as their names follow each other,
// and a file that waits for the machine to itself then keeps its place while nothing else goes on. Here such a file goes on beside one that puts up
// no fleet; those whose fleets may stand beside each other come after them, two at a time and a third file without a fleet while there is one: most of
// what a fleet's test does is waiting.
//   node setup/run-tests.mjs TIMEOUT_MS PATTERN...
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { run } from 'node:test';
import figuresLast from './figures-last.mjs';

const AT_A_TIME = { alone: 2, beside: 3 };
const FLEETS = 2;
const FIGURE = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /;

const [timeout, ...patterns] = process.argv.slice(2);
const files = [...new Set(globSync(patterns))].sort();
if (files.length === 0) throw new Error(`no test file: ${patterns.join(' ')}`);
const waiting = Map.groupBy(files, kindOf);

/** `alone`: wants the machine to itself; `beside`: puts a fleet up beside others; `none`. What the lock of test/e2e/machine-lock.ts holds is not
 *  left to this: one that is taken for another kind waits in its turn.
 *  @returns {'alone' | 'beside' | 'none'} */
function kindOf(file) {
  const own = readFileSync(file, 'utf8');
  const near = [...own.matchAll(/from '(\.[^']*)'/g)].map(([, path]) => resolve(dirname(file), path));
  const helpers = near
    .filter((path) => /\/test\/(?!e2e\/stand\.ts)/.test(path) && existsSync(path))
    .map((path) => readFileSync(path, 'utf8'));
  const text = [own, ...helpers].join('\n');
  if (/\bwithFleetBeside\(/.test(text) && !/\bwithFleet\(/.test(own)) return 'beside';
  return /\b(withFleet|withMachine)\(/.test(text) ? 'alone' : 'none';
}

/** The file to go on beside these kinds, if there is one. */
function next(beside) {
  const take = (kind) => waiting.get(kind)?.shift();
  if (beside.includes('alone')) return beside.length < AT_A_TIME.alone ? take('none') : undefined;
  if (beside.length >= AT_A_TIME.beside) return undefined;
  if (!beside.includes('beside') && beside.length < AT_A_TIME.alone) {
    const alone = take('alone');
    if (alone !== undefined) return alone;
  }
  if (waiting.get('alone')?.length > 0) return undefined;
  const fleets = beside.filter((kind) => kind === 'beside').length;
  const most = waiting.get('none')?.length > 0 ? FLEETS : AT_A_TIME.beside;
  return fleets < most ? (take('beside') ?? take('none')) : take('none');
}

const sums = { tests: 0, suites: 0, passed: 0, failed: 0, cancelled: 0, skipped: 0, todo: 0 };

/** @returns all that one file's tests reported, but for the figures, which are added up */
async function report(file) {
  const events = [];
  const ways = { concurrency: 1, timeout: Number(timeout), signal: AbortSignal.timeout(Number(timeout) + 5000) };
  for await (const event of run({ files: [join(process.cwd(), file)], ...ways })) {
    const ofRun = event.type === 'test:summary' && event.data.file === undefined;
    if (ofRun) for (const key of Object.keys(sums)) sums[key] += event.data.counts[key];
    const figure = event.type === 'test:diagnostic' && event.data.nesting === 0 && FIGURE.test(event.data.message);
    if (!ofRun && !figure) events.push(event);
  }
  return events;
}

async function* all() {
  const begun = performance.now();
  const running = new Map();
  for (;;) {
    for (;;) {
      const file = next([...running.values()].map(({ kind }) => kind));
      if (file === undefined) break;
      running.set(file, { kind: kindOf(file), done: report(file).then((events) => ({ file, events })) });
    }
    if (running.size === 0) break;
    const { file, events } = await Promise.race([...running.values()].map(({ done }) => done));
    running.delete(file);
    yield* events;
  }
  const { passed, failed, ...others } = sums;
  const duration = performance.now() - begun;
  yield { type: 'test:summary', data: { success: failed + sums.cancelled === 0, counts: sums, duration_ms: duration } };
  const figures = {
    tests: sums.tests,
    suites: sums.suites,
    pass: passed,
    fail: failed,
    ...others,
    duration_ms: duration,
  };
  for (const [key, value] of Object.entries(figures))
    yield { type: 'test:diagnostic', data: { nesting: 0, message: `${key} ${value}`, level: 'info' } };
}

for await (const text of figuresLast(all())) process.stdout.write(text);
process.exitCode = sums.failed + sums.cancelled === 0 ? 0 : 1;
