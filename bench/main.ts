/** npm run bench [-- --only ROW,ROW] [--long] [--quick]: the product beside its peers, in one run, on this machine.
 *  Runs as root; takes away all it makes, but for the peers' packages in node_modules/.cache/bench. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { moveMilliseconds } from './cgroup-move.ts';
import { Ground, TOP } from './ground.ts';
import { type Line, table } from './line.ts';

type Row = (ground: Ground) => Promise<Line[]>;

/** In the order they run; each module is loaded only when its row is. */
const ROWS: Readonly<Record<string, () => Promise<{ rows: Row }>>> = {
  start: () => import('./rows/start.ts'),
  run: () => import('./rows/run.ts'),
  gateway: () => import('./rows/gateway.ts'),
  read: () => import('./rows/read.ts'),
  ledger: () => import('./rows/ledger.ts'),
  fleet: () => import('./rows/fleet.ts'),
  rules: () => import('./rows/rules.ts'),
  gate: () => import('./rows/gate.ts'),
};

const { values } = parseArgs({
  options: { only: { type: 'string' }, long: { type: 'boolean' }, quick: { type: 'boolean' } },
});
const wanted = values.only?.split(',') ?? Object.keys(ROWS);
const unknown = wanted.filter((name) => !(name in ROWS));
if (unknown.length > 0 || process.getuid?.() !== 0) {
  console.error(
    unknown.length > 0
      ? `There is no row ${unknown.join(', ')}.`
      : 'The bench makes users, mounts and namespaces, which takes root.',
  );
  console.error(`Run as root: npm run bench -- [--only ${Object.keys(ROWS).join(',')}] [--long] [--quick]`);
  process.exit(2);
}

let ground: Ground | undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void ground?.clear().finally(() => process.exit(130)));

const machine = {
  date: new Date().toISOString(),
  processors: availableParallelism(),
  processor: cpus()[0]?.model ?? 'unknown',
  memoryGb: Math.round(totalmem() / 1e9),
  kernel: release(),
  node: process.version,
  cgroupMoveMs: moveMilliseconds(),
};
const results: { row: string; seconds: number; load: readonly number[]; lines: readonly Line[]; error?: string }[] = [];
for (const row of wanted) {
  process.stderr.write(`${row} (load ${loadavg()[0]?.toFixed(2)})\n`);
  ground = new Ground({ long: values.long === true, quick: values.quick === true });
  const begun = performance.now();
  let [lines, error]: [readonly Line[], string | undefined] = [[], undefined];
  try {
    lines = (await (await ROWS[row]?.())?.rows(ground)) ?? [];
  } catch (failed) {
    error = (failed as Error).stack ?? String(failed);
    process.stderr.write(`  ${error}\n`);
  } finally {
    await ground.clear();
  }
  const seconds = Math.round((performance.now() - begun) / 1000);
  results.push({ row, seconds, load: loadavg(), lines, ...(error === undefined ? {} : { error }) });
  if (lines.length > 0) process.stderr.write(`${table(lines)}\n\n`);
}

mkdirSync(join(TOP, 'bench/results'), { recursive: true });
const file = join(TOP, `bench/results/${machine.date.replaceAll(':', '-').slice(0, 19)}.json`);
writeFileSync(file, `${JSON.stringify({ machine, ...values, results }, undefined, 1)}\n`);
const load = results.map((result) => `${result.row} ${result.load[0]?.toFixed(1)}`).join(', ');
console.log(
  `${machine.date.slice(0, 10)}, ${machine.processors} processors (${machine.processor}), ${machine.memoryGb} GB, kernel ${machine.kernel}, Node ${machine.node}, moving a process into a cgroup ${machine.cgroupMoveMs.toFixed(2)} ms.`,
);
console.log(`Medians; the middle half in brackets. Load average (1 min) at the end of each row: ${load}.\n`);
console.log(table(results.flatMap((result) => result.lines)));
const failed = results.filter((result) => result.error !== undefined);
for (const { row, error } of failed) console.log(`\nThe row ${row} did not run: ${error?.split('\n')[0]}`);
process.exit(failed.length > 0 ? 1 : 0);
