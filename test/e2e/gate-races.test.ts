import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { approve, pidOf, question, signalled } from './asking.ts';
import { NOT_ROOT, type Stand, withFleet } from './stand.ts';

/** What an exec is made from is changed while the gate decides. `factor 15` was refused by a person, `factor 14` approved, `true` is allowed by its
 *  file. `free` is the positive control: the same texts where `factor` is allowed, which must meet it. */
const FLEET = `
defaults:
  limits: { memory: 1G, processes: 2500, cpu: 200%, disk: 64M }
  ask: { wait: 1s }
agents:
  one:
    exec: { sets: [base, python], ask: on-miss }
  own:
    exec: { sets: [base, python], ask: on-miss, own: allow }
  free:
    exec: { sets: [base, python], allow: [factor, perl], own: allow }
`;

const TRIES = process.env.BULKHEAD_LONG ? 10_000 : 300;
const CONTROL = 100;
/** Execs in all, and at once. */
const CROWD = process.env.BULKHEAD_LONG ? [10_000, 2000] : [1000, 200];
const PERL = 'print $ENV{GIT_X} ? "15:" : "14:"';

/** What is changed, by whom; who runs it; whether what is allowed must have run as well, and not only been refused. */
const WAYS: readonly (readonly [way: string, claim: string, agent: 'one' | 'own'])[] = [
  ['path', 'two threads swap the path in memory that the child shares (vfork)', 'one'],
  ['sibling', 'a thread of the process that executes swaps its path', 'one'],
  ['string', 'two threads swap the bytes of an argument', 'one'],
  ['pointer', 'two threads swap the pointer to an argument', 'one'],
  ['shared', 'another process swaps an argument in MAP_SHARED memory', 'one'],
  ['environment', 'two threads swap the name of a variable that decides', 'one'],
  ['link', 'a link is led elsewhere and back', 'one'],
  ['descriptor', '/proc/PID/fd/N is put on another file and back', 'one'],
  ['script', 'a script with one interpreter is replaced by one with another, and back', 'own'],
];

interface Count {
  readonly good: number;
  readonly bad: number;
  readonly refused: number;
  readonly other: number;
}

const textOf = (name: string): string => readFileSync(new URL(`gate/${name}`, import.meta.url), 'utf8');
const TEXT = textOf('race.py');

async function race(stand: Stand, agent: string, way: string, tries: number): Promise<Count> {
  let sum: Count = { good: 0, bad: 0, refused: 0, other: 0 };
  for (let left = tries; left > 0; left -= 2500) {
    const argv = ['python3', '-c', TEXT, way, String(Math.min(left, 2500))];
    const { status, stdout, stderr } = await stand.run(agent, argv);
    assert.equal(status, 0, stdout + stderr);
    sum = plus(sum, JSON.parse(stdout) as Count);
  }
  return sum;
}

/** Tries until this has been seen, and at most five times so many: on a busy machine one of two may not come to its turn. */
async function met(seen: (so: Count) => boolean, tries: () => Promise<Count>): Promise<Count> {
  let so = await tries();
  for (let n = 1; n < 5 && !seen(so); n++) so = plus(so, await tries());
  return so;
}

function plus(one: Count, other: Count): Count {
  const sum = (key: keyof Count): number => one[key] + other[key];
  return { good: sum('good'), bad: sum('bad'), refused: sum('refused'), other: sum('other') };
}

test('races against the exec gate', { skip: NOT_ROOT }, async (t) => {
  await withFleet(FLEET, async (stand) => {
    for (const agent of ['one', 'own']) await answers(stand, agent);
    for (const [way, claim, agent] of WAYS)
      await t.test(`${claim}: 0 of ${TRIES} run what is not approved`, async () => {
        const control = await met(
          (so) => so.bad > 0 && so.good > 0,
          () => race(stand, 'free', way, CONTROL),
        );
        assert.ok(control.bad > 0 && control.good > 0, `where it is allowed: ${JSON.stringify(control)}`);
        const count = await met(
          (so) => so.bad > 0 || (so.good > 0 && so.refused > 0),
          () => race(stand, agent, way, TRIES),
        );
        t.diagnostic(`${way}: ${JSON.stringify(count)}; where it is allowed: ${JSON.stringify(control)}`);
        assert.equal(count.bad, 0, JSON.stringify(count));
        assert.ok(count.good > 0 && count.refused > 0, `the race was met: ${JSON.stringify(count)}`);
      });
    await t.test('by other ways into the kernel (int 0x80, x32) nothing is started at all', () => otherWays(stand));
    await t.test(
      `${CROWD[0]} execs, ${CROWD[1]} at one moment, are all answered, and none of them runs what is not approved`,
      () => crowd(stand),
    );
    await t.test('a gate that is stopped, goes on and is killed meanwhile makes nothing run either', () =>
      disturbed(t, stand),
    );
  });
});

/** What is approved for the time, and what is refused for good, so that a try costs no wait. */
async function answers(stand: Stand, agent: string): Promise<void> {
  const exec = (file: string, argv: readonly string[], env: object): ReturnType<Stand['run']> =>
    stand.run(agent, [
      'python3',
      '-c',
      'import os,sys,json;f,a,e=json.loads(sys.argv[1]);os.execve(f,a,e)',
      JSON.stringify([file, argv, env]),
    ]);
  const decided = async (shown: string, yes: boolean, attempt: Promise<unknown>): Promise<void> => {
    if (yes) await approve(stand, shown, '--for', '1h');
    else assert.equal((await stand.bulkhead(['deny', String(await question(stand, shown)), '--always'])).status, 0);
    await attempt;
  };
  await decided('factor 14', true, exec('/usr/bin/factor', ['factor', '14'], {}));
  await decided('factor 15', false, exec('/usr/bin/factor', ['factor', '15'], {}));
  const script = ['/usr/bin/factor', '15', './it', '15'];
  await decided(`${script.join(' ')} (program /usr/bin/factor)`, false, exec('/usr/bin/factor', script, {}));
  await decided(`perl -e '${PERL}'`, true, exec('/usr/bin/perl', ['perl', '-e', PERL], {}));
  await decided(`perl -e '${PERL}' (with GIT_X=1)`, false, exec('/usr/bin/perl', ['perl', '-e', PERL], { GIT_X: '1' }));
}

async function otherWays(stand: Stand): Promise<void> {
  if (process.arch !== 'x64') return; // the filter of other machines knows no second way
  const lines = async (agent: string): Promise<string[]> =>
    (await stand.run(agent, ['python3', '-c', textOf('abi.py')])).stdout.trim().split('\n');
  const killed = ['i386', 'x32', 'x32-native', 'x32-at'].map((way) => `${way} did-not-run -31`); // SIGSYS
  assert.deepEqual(await lines('free'), ['x86-64 ran 0', ...killed]);
  assert.deepEqual(await lines('one'), ['x86-64 did-not-run 126', ...killed]);
}

async function crowd(stand: Stand): Promise<void> {
  const run = async (agent: string, program: string): Promise<string> =>
    (await stand.run(agent, ['python3', '-c', textOf('crowd.py'), program, '15', ...CROWD.map(String)])).stdout;
  assert.equal(await run('free', '/usr/bin/factor'), `${CROWD[0]} 0x${CROWD[0]}\n`, 'where it is allowed');
  assert.equal(await run('one', '/usr/bin/factor'), `0 126x${CROWD[0]}\n`);
  assert.equal(await run('one', '/usr/bin/true'), `0 0x${CROWD[0]}\n`);
}

async function disturbed(t: { diagnostic(text: string): void }, stand: Stand): Promise<void> {
  const tries = Math.max(TRIES / 4, 1000);
  let [stops, kills] = [0, 0];
  for (let n = 0; n < 5 && (kills === 0 || stops < 2); n++) {
    const running = race(stand, 'one', 'string', tries);
    let over = false;
    const is = (): boolean => (over = true);
    const end = running.then(is, is);
    while (!over) {
      await Promise.race([sleep(100), end]);
      const gate = await pidOf(stand, 'gate').catch(() => undefined);
      if (gate === undefined || !signalled(gate, 'SIGSTOP')) continue;
      await sleep(50);
      if (!signalled(gate, 'SIGCONT')) continue;
      stops++;
      if (stops % 5 === 3 && kills < 4 && signalled(gate, 'SIGKILL')) kills++;
    }
    const count = await running;
    t.diagnostic(`stopped ${stops} times, killed ${kills}: ${JSON.stringify(count)}`);
    assert.equal(count.bad, 0, JSON.stringify(count));
  }
  assert.ok(kills > 0 && stops > 1, 'it was over before it was disturbed');
}
