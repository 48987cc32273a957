import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { approve, killed, question } from './asking.ts';
import { NOT_ROOT, type Stand, withFleetBeside } from './stand.ts';

const FLEET = `
agents:
  one:
    limits: { memory: 256M, processes: 100, cpu: 200%, disk: 64M }
    exec: { sets: [base], ask: on-miss }
    ask: { wait: 2m }
`;

const LATE_MS = 60_000;

const CASES: readonly (readonly [claim: string, check: (stand: Stand) => Promise<void>])[] = [
  ['revoking ends the approved program and all that it started, and nothing else; then it is refused', whole],
  ['of two approvals for one program, only what runs by the revoked one ends', onlyIts],
  ['what was approved once and still runs can be revoked', once],
  ['revoking finds what runs after the gate was another in between', anotherGate],
  ['a chain of processes that each fork, and end, is caught by holding all still', chain],
  ['the try from inside leaves no question, and the next attempt asks', asksNobody],
];

test('revoking a command', { skip: NOT_ROOT }, async (t) => {
  await withFleetBeside(FLEET, async (stand) => {
    for (const [claim, check] of CASES) await t.test(claim, () => check(stand));
  });
});

async function running(stand: Stand, word: string): Promise<number> {
  const { stdout } = await stand.run('one', ['sh', '-c', 'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" "\\n"']);
  return stdout.split('\n').filter((line) => line === word).length;
}

/** Until so many processes have this word. */
async function begins(stand: Stand, word: string, wanted: number): Promise<void> {
  let now = await running(stand, word);
  for (const late = Date.now() + LATE_MS; now !== wanted; now = await running(stand, word))
    assert.ok(Date.now() < late, `${now} with ${word} run, and not ${wanted}`);
}

/** Starts it until its line is out. */
async function begun(
  stand: Stand,
  script: string,
  shown: string,
  ...scope: string[]
): Promise<{ id: number; ended: Promise<unknown> }> {
  const started = stand.start(['run', 'one', '--', 'sh', '-c', script]);
  let said = '';
  started.child.stdout?.on('data', (chunk: string) => (said += chunk));
  const id = await approve(stand, shown, ...scope);
  for (const late = Date.now() + LATE_MS; !said.includes('on\n'); await sleep(50))
    assert.ok(Date.now() < late, `it runs: ${said}`);
  return { id, ended: started.ended };
}

// Itself, a child, a grandchild in a session of its own, and one whose parent has ended: in the group of the first.
const TREE = `$|=1; $0="tree-of-it"; print "on\\n"; if(!fork){ if(!fork){ exec "setsid","sleep","4711" } exec "sleep","4711" } if(!fork){ if(!fork){exec "sleep","4711"} exit } sleep 4711`;

async function whole(stand: Stand): Promise<void> {
  const bystander = stand.start(['run', 'one', '--', 'sleep', '4712']);
  await begins(stand, '4712', 1);
  const started = stand.start(['run', 'one', '--', 'perl', '-e', TREE]);
  const id = await approve(stand, `perl -e '${TREE}'`, '--for', '1h');
  await begins(stand, '4711', 3);
  const { status, json, stdout } = await stand.bulkhead(['revoke', String(id), '--json']);
  assert.deepEqual([status, json.tested], [0, 'refused'], stdout);
  assert.equal(await running(stand, '4711'), 0);
  assert.ok(json.ended >= 4, stdout);
  assert.equal(await running(stand, '4712'), 1, 'what has nothing to do with it goes on');
  await started.ended;
  bystander.child.kill('SIGINT');
  await bystander.ended;
}

async function onlyIts(stand: Stand): Promise<void> {
  const one = await begun(
    stand,
    'perl -e \'$|=1;print "on\\n";sleep 81\'',
    `perl -e '$|=1;print "on\\n";sleep 81'`,
    '--for',
    '1h',
  );
  const two = await begun(
    stand,
    'perl -e \'$|=1;print "on\\n";sleep 82\'',
    `perl -e '$|=1;print "on\\n";sleep 82'`,
    '--for',
    '1h',
  );
  assert.equal((await stand.bulkhead(['revoke', String(one.id)])).status, 0);
  await one.ended;
  assert.equal(await running(stand, '$|=1;print "on\\n";sleep 82'), 1);
  const { stdout } = await stand.bulkhead(['revoke', String(two.id)]);
  assert.match(stdout, /One process that ran under it was ended\.\nTested from inside, as the agent: refused\./);
  await two.ended;
}

async function once(stand: Stand): Promise<void> {
  const { id, ended } = await begun(
    stand,
    'perl -e \'$|=1;print "on\\n";sleep 83\'',
    `perl -e '$|=1;print "on\\n";sleep 83'`,
  );
  const { status, stdout } = await stand.bulkhead(['revoke', String(id)]);
  assert.equal(status, 0, stdout);
  await ended;
  assert.equal((await stand.bulkhead(['revoke', String(id)])).status, 1, 'nothing runs by it any more');
}

async function anotherGate(stand: Stand): Promise<void> {
  const { id, ended } = await begun(
    stand,
    'perl -e \'$|=1;print "on\\n";sleep 84\'',
    `perl -e '$|=1;print "on\\n";sleep 84'`,
    '--for',
    '1h',
  );
  await killed(stand, 'gate');
  const { status, json } = await stand.bulkhead(['revoke', String(id), '--json']);
  assert.deepEqual([status, json.ended, json.tested], [0, 1, 'refused'], JSON.stringify(json));
  await ended;
}

// Once a line is out there are two of it.
const CHAIN = `$|=1; $0="chain-of-it"; if(!fork){ print "on\\n"; while(1){ my $p=fork; last if !defined $p; exit if $p } } sleep 600`;

async function chain(stand: Stand): Promise<void> {
  const { id, ended } = await begun(stand, `exec perl -e '${CHAIN}'`, `perl -e '${CHAIN}'`, '--for', '1h');
  const { json } = await stand.bulkhead(['revoke', String(id), '--json']);
  assert.ok(json.ended >= 2, JSON.stringify(json));
  await ended;
  assert.equal(await running(stand, 'chain-of-it'), 0);
}

async function asksNobody(stand: Stand): Promise<void> {
  const first = stand.run('one', ['factor', '91']);
  const id = await approve(stand, 'factor 91', '--for', '1h');
  assert.equal((await first).stdout, '91: 7 13\n');
  const { json } = await stand.bulkhead(['revoke', String(id), '--json']);
  assert.deepEqual([json.ended, json.tested], [0, 'refused']);
  const { json: left } = await stand.bulkhead(['approvals', '--json']);
  assert.ok(
    left.approvals.every(({ shown }: { shown: string }) => shown !== 'factor 91'),
    'the try asked nobody',
  );
  const again = stand.start(['run', 'one', '--', 'factor', '91']).ended;
  await stand.bulkhead(['deny', String(await question(stand, 'factor 91'))]);
  await again;
}
