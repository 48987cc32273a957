import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { approve, execsSoFar, killed, pausedAtOnce, pidOf, question } from './asking.ts';
import { NOT_ROOT, type Stand, withFleet } from './stand.ts';

const FLEET = `
defaults:
  limits: { memory: 512M, processes: 200, cpu: 200%, disk: 64M }
agents:
  one:
    exec: { sets: [base, python, node], ask: on-miss, deny: [ssh] }
    ask: { wait: 2m }
  strict:
    exec: { sets: [base], ask: never }
  remote:
    exec: { sets: [base], allow: [ssh] }
  brief:
    exec: { sets: [base], ask: on-miss }
    ask: { wait: 3s }
`;

const CASES: readonly (readonly [claim: string, check: (stand: Stand) => Promise<void>])[] = [
  ['what is allowed runs, and is on record with its arguments', allowed],
  ['what is not allowed is there, waits, and runs once a person says yes', approved],
  ['an approval is for exactly that: other arguments, another folder, another environment ask again', exact],
  ['whoever is not answered in time is told so in one line, and the question stays open', late],
  ['a refusal is one line on stderr and status 126', refused],
  ['while a program waits, the shell, Python or Node that started it goes on', goesOn],
  ['an agent with a question can be paused at once, and asks on when it is resumed', paused],
  ['a gate that is killed starts nobody, and the next one answers those who waited', gateKilled],
  ['while the gate stands still nothing is started, and everything after it', stopped],
  ['a name that is not there is not found, and leaves no trace', absent],
  ['the processes that hold the compartment, for which no gate answers, cannot be looked into', holders],
  ['without on-miss, what is not allowed does not exist', strict],
  ['a rule over arguments that an up adds is in force when it returns, and the compartment stays', changed],
];

test('the exec gate', { skip: NOT_ROOT }, async (t) => {
  await withFleet(FLEET, async (stand) => {
    for (const [claim, check] of CASES) await t.test(claim, () => check(stand));
  });
});

async function allowed(stand: Stand): Promise<void> {
  const { status, stdout } = await stand.run('one', ['sh', '-c', 'ls -d /workspace --color=never; env printf %s done']);
  assert.deepEqual([status, stdout], [0, '/workspace\ndone']);
  const seen = (await execsSoFar(stand)).map(({ argv = [] }) => argv.join(' '));
  for (const line of ['ls -d /workspace --color=never', 'env printf %s done']) assert.ok(seen.includes(line), line);
}

async function approved(stand: Stand): Promise<void> {
  const { ended } = stand.start(['run', 'one', '--', 'factor', '91']);
  const id = await approve(stand, 'factor 91');
  const { status, stdout } = await ended;
  assert.deepEqual([status, stdout], [0, '91: 7 13\n']);
  const seen = await execsSoFar(stand);
  const record = seen.find(({ rule }) => rule === `approval ${id}`);
  const before = seen.filter(({ argv }) => argv?.join(' ') === 'factor 91').map(({ event }) => event);
  assert.deepEqual(before, ['exec.relayed', 'exec.allowed'], 'allowed once, after it was asked');
  assert.deepEqual([record?.event, record?.argv, record?.path], ['exec.allowed', ['factor', '91'], '/usr/bin/factor']);
}

async function exact(stand: Stand): Promise<void> {
  const first = stand.start(['run', 'one', '--', 'factor', '14']).ended;
  await approve(stand, 'factor 14', '--for', '1h');
  assert.equal((await first).stdout, '14: 2 7\n');
  const again = await stand.run('one', ['sh', '-c', 'factor 14; exec factor 14']);
  assert.equal(again.stdout, '14: 2 7\n14: 2 7\n', 'the same, as often as it likes');
  for (const [script, shown] of [
    ['factor 15', 'factor 15'],
    ['cd /tmp; factor 14', 'factor 14 (in /tmp)'],
    ['LD_LIBRARY_PATH=/workspace factor 14', 'factor 14 (with LD_LIBRARY_PATH=/workspace)'],
  ] as const) {
    const other = stand.start(['run', 'one', '--', 'sh', '-c', script]).ended;
    const id = await question(stand, shown);
    assert.equal((await stand.bulkhead(['deny', String(id)])).status, 0);
    const { status, stdout } = await other;
    assert.deepEqual([status, stdout], [126, ''], script);
  }
}

async function late(stand: Stand): Promise<void> {
  const begun = Date.now();
  const { status, stderr } = await stand.run('brief', ['factor', '22']);
  assert.equal(status, 126);
  const [, id] =
    /^bulkhead: waiting for approval (\d+) \(factor 22\); run it again once approved\n$/.exec(stderr) ?? [];
  assert.ok(id, stderr);
  assert.ok(Date.now() - begun > 2900);
  assert.equal((await stand.bulkhead(['approve', id])).status, 0);
  assert.equal((await stand.run('brief', ['factor', '22'])).stdout, '22: 2 11\n', 'at once');
}

async function refused(stand: Stand): Promise<void> {
  const rule = await stand.run('one', ['ssh', 'host']);
  assert.equal(rule.status, 126);
  assert.match(rule.stderr, /^bulkhead: ssh is refused: exec\.deny names [^\n]* \(remote may do it\)\n$/);
  const asked = stand.start(['run', 'one', '--', 'factor', '33']).ended;
  const id = await question(stand, 'factor 33');
  await stand.bulkhead(['deny', String(id)]);
  const { status, stderr } = await asked;
  assert.equal(status, 126);
  assert.match(stderr, new RegExp(`^bulkhead: factor [^\\n]*${id}[^\\n]*\\n$`));
}

async function goesOn(stand: Stand): Promise<void> {
  const parents: readonly (readonly [string, readonly string[]])[] = [
    ['35', ['sh', '-c', 'factor 35 & i=0; while [ $i -lt 10 ]; do sleep 0.1; i=$((i+1)); done; echo on; wait']],
    [
      '39',
      ['python3', '-c', 'import subprocess\np=subprocess.Popen(["factor","39"])\nprint("on",flush=True)\np.wait()'],
    ],
    [
      '55',
      [
        'node',
        '-e',
        'let n=0;const i=setInterval(()=>{if(++n===20)console.log("on")},20);require("child_process").spawn("factor",["55"],{stdio:"inherit"}).on("exit",()=>clearInterval(i))',
      ],
    ],
  ];
  for (const [number, argv] of parents) {
    const { ended, child } = stand.start(['run', 'one', '--', ...argv]);
    let early = '';
    child.stdout?.on('data', (chunk: string) => (early += chunk));
    await question(stand, `factor ${number}`);
    for (let i = 0; i < 600 && early === ''; i++) await sleep(50); // nobody has said yes, and will not before
    assert.equal(early, 'on\n', `${argv[0]} goes on while factor waits`);
    await approve(stand, `factor ${number}`);
    const { status, stdout } = await ended;
    assert.equal(status, 0);
    assert.match(stdout, new RegExp(`^on\\n${number}: `), argv[0]);
  }
}

async function paused(stand: Stand): Promise<void> {
  const { ended } = stand.start(['run', 'one', '--', 'factor', '77']);
  await question(stand, 'factor 77');
  await pausedAtOnce(stand, 'one');
  await approve(stand, 'factor 77');
  assert.equal((await ended).stdout, '77: 7 11\n');
}

async function gateKilled(stand: Stand): Promise<void> {
  const { ended } = stand.start(['run', 'one', '--', 'factor', '85']);
  const id = await question(stand, 'factor 85');
  await killed(stand, 'gate');
  assert.equal((await stand.bulkhead(['approve', String(id)])).status, 0);
  assert.equal((await ended).stdout, '85: 5 17\n');
  assert.equal((await stand.run('one', ['echo', 'after'])).stdout, 'after\n');
}

async function stopped(stand: Stand): Promise<void> {
  const gate = await pidOf(stand, 'gate');
  process.kill(gate, 'SIGSTOP');
  try {
    const { ended } = stand.start(['run', 'one', '--', 'sh', '-c', 'echo started; /bin/echo ran']);
    const first = await Promise.race([ended.then(() => 'ended'), sleep(2000, 'waits')]);
    assert.equal(first, 'waits');
    process.kill(gate, 'SIGCONT');
    assert.equal((await ended).stdout, 'started\nran\n');
  } finally {
    process.kill(gate, 'SIGCONT');
  }
}

async function absent(stand: Stand): Promise<void> {
  const { status, stderr } = await stand.run('one', ['sh', '-c', 'exec bulkhead-no-such-program']);
  assert.equal(status, 127, stderr);
  const python =
    'import os\ntry: os.execvp("bulkhead-no-such-program",["x"])\nexcept FileNotFoundError: print("absent")';
  assert.equal((await stand.run('one', ['python3', '-c', python])).stdout, 'absent\n');
  assert.ok((await execsSoFar(stand)).every(({ path }) => !path.includes('no-such-program')));
}

async function strict(stand: Stand): Promise<void> {
  const { status } = await stand.run('strict', ['factor', '91']);
  assert.equal(status, 127);
}

async function changed(stand: Stand): Promise<void> {
  const pid = async (): Promise<number> => (await stand.bulkhead(['status', '--json'])).json.agents[0].pid;
  const before = await pid();
  stand.write(FLEET.replace('deny: [ssh]', 'deny: [ssh], deny-argv: ["factor 77"]'));
  const { json } = await stand.bulkhead(['plan', '--json']);
  assert.equal(json.steps.length, 1, JSON.stringify(json));
  const up = await stand.bulkhead(['up']);
  assert.equal(up.status, 0, up.stderr);
  const { status, stderr } = await stand.run('one', ['factor', '77']);
  assert.equal(status, 126);
  assert.doesNotMatch(stderr, /waiting for approval/);
  assert.equal(await pid(), before);
}

/** Opens the memory of every process that it sees but its own. */
const MEMORIES = `import os
for pid in os.listdir("/proc"):
    if not pid.isdigit() or int(pid) == os.getpid(): continue
    try: open(f"/proc/{pid}/mem", "r+b", buffering=0); print("GOT", pid)
    except OSError as error: print("held", pid, error.errno)`;

async function holders(stand: Stand): Promise<void> {
  const { stdout } = await stand.run('one', ['python3', '-c', MEMORIES]);
  assert.match(stdout, /^held 1 13$/m);
  assert.match(stdout, /^held 2 13$/m);
  assert.doesNotMatch(stdout, /GOT/);
}
