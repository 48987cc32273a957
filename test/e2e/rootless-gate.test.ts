import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeTree } from '../../src/host/files/mounts.ts';
import { approve, execs, pidOf, question } from './asking.ts';
import { start } from './command.ts';
import { ownPrograms } from './own-programs.ts';
import { NOT_ROOT, type Stand } from './stand.ts';
import { withinReach } from './within-reach.ts';

/** The exec gate without root: agent, gate and operator have one uid, and what keeps them apart is who made the namespaces. */
const FLEET = `
fleet: gated
defaults:
  limits: { memory: 256M, processes: 100, cpu: 100%, disk: 64M }
  exec: { sets: [base, python, git], ask: on-miss, deny-argv: ["git push **"] }
agents:
  one: { ask: { wait: 20s } }
  brief: { ask: { wait: 1s } }
  maker: { exec: { own: ask }, ask: { wait: 20s } }
`;

const CASES: readonly (readonly [claim: string, check: (stand: Stand) => Promise<void>])[] = [
  ['what is allowed runs; the rest waits, runs once approved, or is refused by rule', judged],
  ['an interpreter that asks is shown with the script that it was started for', scripts],
  ['nothing of a waiting stub, or of what was approved, is open to its agent’s other processes', untouched],
  ['neither a stub nor an approved program can change the file that it runs from', unchanged],
  ['the gate has no capability and can make no connection', bare],
  ['who waits while the gate is killed is answered by the next one, and runs nothing before', killed],
  ['a program that the agent made waits as well, and runs once approved, as it was shown', ownPrograms],
  ['an agent with a question can be paused, and asks on when it is resumed', paused],
];

test('the exec gate without root', { skip: NOT_ROOT }, async (t) => {
  const product = await withinReach();
  const uid = 61_000 + (process.pid % 900);
  const home = mkdtempSync(join(tmpdir(), 'bulkhead-gated-'));
  writeFileSync(join(home, 'fleet.yaml'), FLEET);
  for (const path of [home, join(home, 'fleet.yaml')]) chownSync(path, uid, uid);
  chmodSync(home, 0o700);
  const as = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', 'env', '-i', `HOME=${home}`];
  const state = join(home, 'state');
  const line = ([first = '', ...rest]: readonly string[]): string[] => [
    ...[first, '--state', state, ...(first === 'up' ? ['-f', join(home, 'fleet.yaml')] : []), ...rest],
  ];
  const stand: Stand = {
    ...{ state, fleet: 'gated', folder: home, file: join(home, 'fleet.yaml') },
    start: (args, ways) =>
      start(line(args), { ...ways, program: [...as, `PATH=${process.env.PATH}`, `${product.tree}/bulkhead`] }),
    bulkhead: (args, ways) => stand.start(args, ways).ended,
    run: (agent, argv, ways) => stand.bulkhead(['run', agent, '--', ...argv], ways),
    write: (yaml) => writeFileSync(stand.file, yaml),
  };
  try {
    const up = await stand.bulkhead(['up']);
    assert.equal(up.status, 0, up.stderr);
    for (const [claim, check] of CASES) await t.test(claim, () => check(stand));
  } finally {
    const gone = await stand.bulkhead(['uninstall']);
    removeTree(home);
    product.close();
    assert.equal(gone.status, 0, gone.stderr);
  }
});

async function judged(stand: Stand): Promise<void> {
  const inside = await stand.run('one', ['sh', '-c', 'git init -q . && git status --short && python3 -c "print(42)"']);
  assert.deepEqual([inside.status, inside.stdout], [0, '42\n'], inside.stderr);
  const waits = stand.start(['run', 'one', '--', 'factor', '91']).ended;
  const id = await approve(stand, 'factor 91');
  assert.deepEqual([(await waits).status, (await waits).stdout], [0, '91: 7 13\n']);
  const push = await stand.run('one', ['git', 'push', 'there']);
  assert.deepEqual([push.status, push.stdout], [126, '']);
  const late = await stand.run('brief', ['factor', '14']);
  assert.equal(late.status, 126);
  assert.match(late.stderr, /^bulkhead: waiting for approval \d+ \(factor 14\); run it again once approved\n$/);
  const script = stand.start(['run', 'one', '--', 'zgrep', '--version']).ended;
  await approve(stand, 'zgrep --version');
  assert.equal((await script).status, 0);
  const recorded = async (): Promise<boolean> => {
    const seen = await execs(stand);
    const approved = seen.find(({ rule }) => rule === `approval ${id}`)?.path === '/usr/bin/factor';
    return approved && seen.some(({ argv = [] }) => argv.join(' ') === 'git init -q .');
  };
  for (const end = Date.now() + 20_000; !(await recorded()); await sleep(100))
    assert.ok(Date.now() < end, 'what was allowed and approved is not on record');
}

async function scripts(stand: Stand): Promise<void> {
  const ran = stand.start(['run', 'one', '--', 'shasum', '--version']).ended;
  await approve(stand, 'shasum --version');
  const digest = createHash('sha256').update(readFileSync('/usr/bin/shasum')).digest('hex');
  const fd = await descriptorAsked(stand);
  const shown = `/usr/bin/perl /dev/fd/${fd} --version (program /usr/bin/perl) (script /usr/bin/shasum sha256 ${digest})`;
  await approve(stand, shown);
  const { status, stderr } = await ran;
  assert.equal(status, 0, stderr);
}

/** Of the one interpreter that waits. */
async function descriptorAsked(stand: Stand): Promise<string> {
  for (const late = Date.now() + 30_000; Date.now() < late; await sleep(100)) {
    const { json } = await stand.bulkhead(['approvals', '--json']);
    const shown = json?.approvals?.map((one: { shown: string }) => one.shown).join('\n') ?? '';
    const fd = /^\/usr\/bin\/perl \/dev\/fd\/(\d+) /m.exec(shown)?.[1];
    if (fd !== undefined) return fd;
  }
  assert.fail('no interpreter asked');
}

/** 21 ways, against the stub that waits and against what runs then. */
async function untouched(stand: Stand): Promise<void> {
  const look = readFileSync(new URL('gate/look.py', import.meta.url), 'utf8');
  const started = stand.start(['run', 'one', '--', 'sh', '-c', 'factor < /dev/zero & echo $!; wait']);
  let pid = '';
  started.child.stdout?.on('data', (chunk: string) => (pid += chunk));
  await question(stand, 'factor');
  for (const late = Date.now() + 30_000; !pid.endsWith('\n'); await sleep(20))
    assert.ok(Date.now() < late, 'the shell does not say who waits');
  const tried = async (): Promise<void> => {
    const { stdout, stderr } = await stand.run('one', ['python3', '-c', look, pid.trim()]);
    assert.equal(stdout.split('\n').filter((text) => text.includes(' held ')).length, 21, stdout + stderr);
    assert.doesNotMatch(stdout, / GOT /);
  };
  await tried();
  await approve(stand, 'factor');
  await sleep(500);
  await tried();
  await stand.run('one', ['kill', '-9', pid.trim()]);
  await started.ended;
}

/** The agent is the owner of these files: that they are closed is only as good as the mounts that they are opened through. */
const SELF = `sub r { my ($n, $ok) = @_; print "$n ", $ok ? "GOT" : "held", "\\n" }
r('chmod', chmod 0777, '/proc/self/exe'); r('read', open(my $f, '<', '/proc/self/exe')); r('write', open(my $g, '+<', '/proc/self/exe'));
r('times', utime 1, 1, '/proc/self/exe'); r('cut', truncate('/proc/self/exe', 0)); r('link', link '/proc/self/exe', '/workspace/x');
r('chmod-stub', chmod 0777, '/usr/bin/factor'); r('chmod-all', chmod 0777, '/etc/bulkhead/stub'); r('take', unlink '/usr/bin/factor');`;

async function unchanged(stand: Stand): Promise<void> {
  const put = await stand.run('one', ['sh', '-c', 'cat > self.pl'], { input: SELF });
  assert.equal(put.status, 0, put.stderr);
  const ran = stand.start(['run', 'one', '--', 'perl', 'self.pl']).ended;
  await approve(stand, 'perl self.pl');
  const { stdout } = await ran;
  assert.equal(stdout.split('\n').filter((text) => text.endsWith(' held')).length, 9, stdout);
}

async function bare(stand: Stand): Promise<void> {
  const status = readFileSync(`/proc/${await pidOf(stand, 'gate')}/status`, 'utf8');
  assert.match(status, /^CapEff:\s*0+$/m);
  assert.match(status, /^NoNewPrivs:\s*1$/m);
  assert.match(status, /^Seccomp:\s*2$/m);
}

async function killed(stand: Stand): Promise<void> {
  const waits = stand.start(['run', 'one', '--', 'factor', '33']).ended;
  await question(stand, 'factor 33');
  process.kill(await pidOf(stand, 'gate'), 'SIGKILL');
  await sleep(300);
  await approve(stand, 'factor 33');
  assert.equal((await waits).stdout, '33: 3 11\n');
}

async function paused(stand: Stand): Promise<void> {
  const waits = stand.start(['run', 'one', '--', 'factor', '55']).ended;
  await question(stand, 'factor 55');
  const pause = await stand.bulkhead(['pause', 'one']);
  assert.equal(pause.status, 0, pause.stderr);
  assert.equal((await stand.bulkhead(['resume', 'one'])).status, 0);
  await approve(stand, 'factor 55');
  assert.equal((await waits).stdout, '55: 5 11\n');
}
