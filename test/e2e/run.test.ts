import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { firstOutput } from './first-output.ts';
import { type Ended, piped } from './piped.ts';
import { NOT_ROOT, type Stand, withFleetBeside } from './stand.ts';

const ONE = `
defaults:
  limits: { memory: 256M, processes: 200, cpu: 200%, disk: 64M }
  exec: { sets: [base, python] }
agents:
  one: {}
`;
const MIB = 1024 * 1024;

/** Bytes that are no text, the same every time. */
function bytes(length: number): Buffer {
  const block = createHash('sha512').update('bulkhead').digest();
  return Buffer.concat(
    Array.from({ length: length / block.length }, (_, i) => Buffer.from(block.map((b) => b ^ (i & 0xff)))),
  );
}

const CASES: readonly (readonly [claim: string, check: (stand: Stand) => Promise<void>])[] = [
  ['a megabyte of any bytes comes back as it went', echoes],
  ['stdout and stderr stay apart', apart],
  ['a slow reader loses nothing of what the command wrote', slowly],
  ['the status of the command is ours: 0 to 255', statuses],
  ['125 is ours alone, 126 is refused, 127 is not here', contract],
  ['arguments arrive as they were given, newlines, empty ones and all', odd],
  ['more arguments than the kernel takes are refused in two lines', huge],
  ['what the command leaves behind holds nobody up', behind],
  ['input that nobody reads holds nobody up', unread],
  ['a signal to the command line reaches the command', signalled],
  ['a command line that is killed takes its command with it', hungUp],
  ['the environment is built from nothing', environment],
  ['only its three streams are open, and it stands in the workspace with umask 027 and no other group', bare],
  ['thirty at once', crowd],
];

test('run', { skip: NOT_ROOT }, async (t) => {
  await withFleetBeside(ONE, async (stand) => {
    for (const [claim, check] of CASES) await t.test(claim, () => check(stand));
    for (const [claim, check] of CASES) await t.test(`without the fast client: ${claim}`, () => check(inNode(stand)));
  });
});

/** The same by the command line in Node, to which the fast client leaves what is unusual. */
function inNode(stand: Stand): Stand {
  const run: Stand['run'] = (agent, argv, ways) =>
    stand.run(agent, argv, { ...ways, env: { ...ways?.env, BULKHEAD_CLIENT: 'node' } });
  return { ...stand, run, env: { BULKHEAD_CLIENT: 'node' } };
}

async function echoes(stand: Stand): Promise<void> {
  const input = bytes(MIB);
  const { status, stdout, stderr } = await piped(stand, 'one', ['cat'], { input }).ended;
  assert.deepEqual([status, stdout.equals(input), stderr.length], [0, true, 0]);
}

async function apart(stand: Stand): Promise<void> {
  const script = 'head -c 1048576 /dev/zero >&2; head -c 1048576 /dev/zero | tr "\\0" "\\377"';
  const { status, stdout, stderr } = await piped(stand, 'one', ['sh', '-c', script]).ended;
  assert.equal(status, 0);
  assert.ok(stdout.equals(Buffer.alloc(MIB, 255)) && stderr.equals(Buffer.alloc(MIB)));
}

async function slowly(stand: Stand): Promise<void> {
  const { stdout } = await piped(stand, 'one', ['head', '-c', '300000', '/dev/zero'], { slowMs: 2000 }).ended;
  assert.equal(stdout.length, 300_000);
}

async function statuses(stand: Stand): Promise<void> {
  for (const wanted of [0, 1, 2, 42, 124, 128, 254, 255])
    assert.equal((await stand.run('one', ['sh', '-c', `exit ${wanted}`])).status, wanted);
  assert.equal((await stand.run('one', ['sh', '-c', 'kill -TERM $$'])).status, 128 + 15);
  assert.equal((await stand.run('one', ['sh', '-c', 'kill -KILL $$'])).status, 128 + 9);
}

async function contract(stand: Stand): Promise<void> {
  const nobody = await stand.run('nobody', ['true']);
  assert.equal(nobody.status, 125);
  assert.equal(nobody.stderr.trim().split('\n').length, 2);
  assert.equal((await stand.run('one', ['no-such-program'])).status, 127);
  assert.equal((await stand.run('one', ['/no/such/program'])).status, 127);
  assert.equal((await stand.run('one', ['/etc/passwd'])).status, 126);
  assert.equal((await stand.run('one', ['/workspace'])).status, 126);
}

async function odd(stand: Stand): Promise<void> {
  const argv = [
    '',
    'a\nb',
    'tab\there',
    '\u202emirror',
    '日本語 🦀',
    '\'"$`\\',
    '--',
    '-n',
    '\u001b[31m',
    'x'.repeat(100_000),
  ];
  const script = 'import sys,json; print(json.dumps(sys.argv[1:]))';
  const { json, stderr } = await stand.run('one', ['python3', '-c', script, ...argv]);
  assert.deepEqual(json, argv, stderr);
}

/** MAX_ARG_STRLEN is 131,072 (execve(2)); the shell that starts us has the same limit, so many are sent. */
async function huge(stand: Stand): Promise<void> {
  const many = Array.from({ length: 19 }, () => 'y'.repeat(100_000));
  const { status, stderr } = await stand.run('one', ['true', ...many]);
  assert.ok(status === 0 || stderr.trim().split('\n').length <= 2, stderr);
  assert.ok([0, 125, 126].includes(status ?? -1), `${status} ${stderr.slice(0, 500)}`);
  assert.equal((await stand.run('one', ['true'])).status, 0);
}

/** What is left lasts longer than anybody waits here (piped.ts). */
async function behind(stand: Stand): Promise<void> {
  for (const left of ['sleep 300 &', '(for i in $(seq 15000); do echo noise; sleep 0.02; done) &']) {
    const { status, stdout } = await piped(stand, 'one', ['sh', '-c', `${left} echo out`]).ended;
    assert.equal(status, 0);
    assert.match(stdout.toString(), /^out$/m);
  }
}

async function unread(stand: Stand): Promise<void> {
  const { status } = await piped(stand, 'one', ['sh', '-c', 'sleep 300 & exit 3'], { input: bytes(MIB) }).ended;
  assert.equal(status, 3);
}

async function signalled(stand: Stand): Promise<void> {
  for (const [signal, name] of [
    ['SIGINT', 'INT'],
    ['SIGTERM', 'TERM'],
    ['SIGHUP', 'HUP'],
    ['SIGQUIT', 'QUIT'],
  ] as const) {
    const script = `trap 'echo got ${name}; exit 7' ${name}; echo ready; while :; do sleep 0.05; done`;
    const { child, ended } = piped(stand, 'one', ['sh', '-c', script], { input: null });
    await firstOutput(child);
    child.kill(signal);
    const { status, stdout } = await ended;
    assert.deepEqual([status, stdout.toString()], [7, `ready\ngot ${name}\n`]);
  }
}

async function hungUp(stand: Stand): Promise<void> {
  const { child, ended } = piped(stand, 'one', ['sh', '-c', "trap '' HUP; echo ready; sleep 777"], { input: null });
  await firstOutput(child);
  child.kill('SIGKILL');
  await ended;
  for (const late = Date.now() + 30_000; ; ) {
    const { stdout } = await stand.run('one', ['sh', '-c', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "']);
    if (!stdout.includes('sleep 777')) break;
    assert.ok(Date.now() < late, 'the command still runs');
    await sleep(300);
  }
}

async function environment(stand: Stand): Promise<void> {
  const env = { SECRET: 'do-not-leak', LD_PRELOAD: '', PERL5OPT: '-d', NODE_OPTIONS: '', TERM: 'xterm' };
  const { stdout } = await piped(stand, 'one', ['env'], { env }).ended;
  const names = stdout
    .toString()
    .trim()
    .split('\n')
    .map((line) => line.split('=')[0])
    .sort();
  assert.deepEqual(names, ['BULKHEAD_AGENT', 'HOME', 'LANG', 'LOGNAME', 'PATH', 'SHELL', 'USER']);
}

async function bare(stand: Stand): Promise<void> {
  const script =
    'import os,json; print(json.dumps([sorted(int(f) for f in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/"+f)),' +
    ' os.getcwd(), oct(os.umask(0)), os.getgroups(), os.getuid()==os.geteuid(), os.getsid(0)==os.getpid(), os.getppid()]))';
  const { json } = await stand.run('one', ['python3', '-c', script]);
  assert.deepEqual(json, [[0, 1, 2], '/workspace', '0o27', [], true, true, 0]);
}

async function crowd(stand: Stand): Promise<void> {
  const all: Ended[] = await Promise.all(
    Array.from(
      { length: 30 },
      (_, i) => piped(stand, 'one', ['sh', '-c', `cat; exit ${i}`], { input: Buffer.from(`n${i}`) }).ended,
    ),
  );
  for (const [i, { status, stdout, stderr }] of all.entries())
    assert.deepEqual([status, stdout.toString(), stderr.toString()], [i, `n${i}`, '']);
}
