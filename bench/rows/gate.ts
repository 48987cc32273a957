import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { promisify } from 'node:util';
import { TIMES, TIMES_FILE, timeOf } from '../../src/programs/gate/times.ts';
import { buildLine } from '../build.ts';
import type { Ground } from '../ground.ts';
import { type Line, line, type Samples } from '../line.ts';
import { connectedRun, timedRun } from '../session.ts';
import { Stand } from '../stand.ts';
import { quantile } from '../stats.ts';

const run = promisify(execFile);
const loop = (times: number): string[] => ['bash', '-c', `for ((i = 0; i < ${times}; i++)); do /bin/true; done`];
const BUSY = ['bash', '-c', 'while :; do /bin/true; done'];
const CROWD = 31;
const rules = (count: number): string => Array.from({ length: count }, (_, n) => `"true n${n}"`).join(', ');

/** What the exec gate costs. `plain` is the same compartment without it; `ruled` and `many` have /bin/true behind a stub, by rules over arguments. */
export async function rows(ground: Ground): Promise<Line[]> {
  const stand = new Stand(ground);
  const limits = '    limits: { memory: 512M, processes: 256, cpu: 200% }\n';
  const agent = (name: string, exec: string): string => `  ${name}:\n${limits}    exec: { sets: [base]${exec} }\n`;
  const crowd = Array.from({ length: CROWD - 1 }, (_, n) => agent(`c${n}`, ', ask: on-miss')).join('');
  await stand.up(
    agent('plain', ', ask: never') +
      agent('gated', ', ask: on-miss') +
      agent('ruled', `, ask: on-miss, allow-argv: ["true", ${rules(9)}]`) +
      agent('many', `, ask: on-miss, allow-argv: ["true", ${rules(ground.count(9_999, 99))}]`) +
      crowd +
      `  builder:\n${limits}    exec: { sets: [base, node], own: allow, ask: on-miss }\n` +
      `  plainbuilder:\n${limits}    exec: { sets: [base, node], own: allow, ask: never }\n`,
  );
  const timed = (name: string, argv: readonly string[]): Promise<number> =>
    timedRun(stand.places.wardenSocket, name, argv);
  return [
    ...(await loops(ground, timed)),
    await buildLine(ground, stand, ['builder', 'plainbuilder']),
    ...(await answers(ground, stand)),
    ...(await flood(ground, stand, timed)),
  ];
}

type Timed = (agent: string, argv: readonly string[]) => Promise<number>;

async function loops(ground: Ground, timed: Timed): Promise<Line[]> {
  const times = ground.count(2000, 100);
  const took: Record<string, number[]> = { plain: [], gated: [], ruled: [], many: [], bare: [], strace: [] };
  const [bash = '', ...rest] = loop(times);
  let without: string | undefined;
  for (let round = ground.count(7, 1) + 1; round > 0; round--) {
    for (const name of ['plain', 'gated', 'ruled', 'many']) took[name]?.push(await timed(name, loop(times)));
    took.bare?.push(await host(bash, rest));
    const argv = ['--seccomp-bpf', '-f', '-qq', '-e', 'trace=execve,execveat', '-o', '/dev/null', bash, ...rest];
    if (without === undefined)
      await host('strace', argv).then(
        (ms) => took.strace?.push(ms),
        (error: Error) => (without = error.message),
      );
  }
  const of = (name: string): number[] => took[name]?.slice(1) ?? []; // the first warms the page cache
  const strace: Samples = without ?? of('strace');
  const beside = { 'same, ungated': of('plain'), 'bash on the host': of('bare'), 'strace --seccomp-bpf there': strace };
  return [
    line(`${times} times /bin/true, by file`, 'ms', { timesAtMost: 1.2 }, of('gated'), beside),
    line(`${times} times /bin/true, by rule`, 'ms', { timesAtMost: 1.6 }, of('ruled'), beside),
    line(`${times} times /bin/true, by one of 10,000 rules`, 'ms', { timesAtMost: 1.1 }, of('many'), {
      '10 rules': of('ruled'),
    }),
  ];
}

async function host(program: string, argv: readonly string[]): Promise<number> {
  const begun = performance.now();
  await run(program, argv);
  return performance.now() - begun;
}

/** From the kernel's question to our answer, the record included, as the gate counts it. */
async function answers(ground: Ground, stand: Stand): Promise<Line[]> {
  const names = ['gated', ...Array.from({ length: CROWD - 1 }, (_, n) => `c${n}`)].slice(0, ground.count(CROWD, 2));
  const ends = names.map((name) => connectedRun(stand.places.wardenSocket, name, BUSY));
  await seconds(2);
  const before = counts(await gatePid(stand));
  await seconds(ground.count(20, 2));
  const after = counts(await gatePid(stand));
  for (const end of ends) end();
  await seconds(2);
  const taken = after.map((count, at) => count - (before[at] ?? 0));
  const what = `${names.length} agents executing at once: from question to answer`;
  const all = taken.reduce((sum, count) => sum + count, 0);
  ground.say(`${all} execs answered`);
  return [
    line(`${what}, p50`, 'us', { under: 100 }, [timeOf(taken, 0.5)]),
    line(`${what}, p99`, 'us', { under: 1000 }, [timeOf(taken, 0.99)]),
  ];
}

/** One exec after the other in one agent, alone and while another executes as fast as it can. */
async function flood(ground: Ground, stand: Stand, timed: Timed): Promise<Line[]> {
  const each = ground.count(40, 3);
  const p99 = async (): Promise<number> => {
    const took: number[] = [];
    const begun = performance.now();
    while (took.length < each) took.push((await timed('gated', loop(20))) / 20);
    ground.say(`${Math.round(performance.now() - begun)} ms`);
    return quantile(
      [...took].sort((a, b) => a - b),
      0.99,
    );
  };
  const [alone, beside, ungated]: [number[], number[], number[]] = [[], [], []];
  for (let round = ground.count(4, 1); round > 0; round--) {
    alone.push(await p99());
    for (const [name, into] of [
      ['c0', beside],
      ['plain', ungated],
    ] as const) {
      const end = connectedRun(stand.places.wardenSocket, name, BUSY);
      await seconds(1);
      into.push(await p99());
      end();
      await seconds(1);
    }
  }
  return [
    line("an exec's p99 (of 20 in a row) while another agent floods the gate", 'ms', { timesAtMost: 2 }, beside, {
      alone,
      'the other ungated': ungated,
    }),
  ];
}

async function gatePid(stand: Stand): Promise<number> {
  const found = (await stand.programs()).find(({ name }) => name === 'gate');
  if (!found) throw new Error('there is no gate');
  return found.pid;
}

function counts(pid: number): number[] {
  const folder = `/proc/${pid}/fd`;
  const fd = readdirSync(folder).find((name) => readlinkSync(`${folder}/${name}`).includes(TIMES_FILE));
  const bytes = readFileSync(`${folder}/${fd}`);
  return Array.from({ length: TIMES }, (_, at) => bytes.readUInt32LE(4 * at));
}

function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1000 * count));
}
