import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startLauncher } from '../../src/host/launch/launch.ts';
import { childrenOf } from '../../src/host/processes/processes.ts';
import type { StatusDocument } from '../../src/model/documents.ts';
import { type Order, orderText } from '../../src/tiers/orders.ts';
import { firstOutput } from './first-output.ts';
import { type Ended, piped } from './piped.ts';
import { NOT_ROOT, type Stand, withFleet } from './stand.ts';

const TWO = `
defaults:
  limits: { memory: 256M, processes: 300, cpu: 200%, disk: 64M }
  exec: { sets: [base, python] }
agents:
  one: {}
  two: {}
`;

const CASES: readonly (readonly [claim: string, check: (stand: Stand) => Promise<void>])[] = [
  ['a command is confined to the last line of /proc as it is without a spare', confined],
  ['one waits in the compartment that was used last, as confined as a command, and no other is given it', inside],
  ['one that waits there goes when the agent is stopped or paused, and is missed by nobody when it was killed', left],
  ['who waits there takes no orders but what to run', ordered],
  ['the spare knows of no agent: the next one may be another', either],
  ['two commands at once share no stream', apart],
  ['a hundred at once', hundred],
  ['while one goes on, the next finds a spare again', meanwhile],
  ['whoever is hung up before it begins ends all the same, however late it begins', late],
  ['a spare that is killed is missed by nobody', killed],
  ['while an agent is paused nothing is started, and the spare stays', paused],
  ['a spare ends with its warden, however that ends', ends],
];

test('the spare launcher', { skip: NOT_ROOT }, async (t) => {
  await withFleet(TWO, async (stand) => {
    for (const [claim, check] of CASES) await t.test(claim, () => check(stand));
  });
});

async function wardenOf(stand: Stand): Promise<number> {
  const { json, stderr } = await stand.bulkhead(['status', '--json']);
  const pid = (json as StatusDocument | undefined)?.programs.find(({ name }) => name === 'warden')?.pid;
  return pid ?? assert.fail(`no warden: ${stderr}`);
}

/** Launchers below the warden that wait: outside of every agent's cgroup, with their orders still to come. */
function spares(state: string): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name) || !existsSync(`/proc/${name}/fd/3`)) return [];
    try {
      const line = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      const waits = line[1]?.startsWith(`${state}/lib/`) && line[1].endsWith('launch.pl') && line[2] === 'enter';
      return waits ? [Number(name)] : [];
    } catch {
      return []; // it has ended
    }
  });
}

async function until<T>(what: string, look: () => T | undefined | false): Promise<T> {
  for (const late = Date.now() + 60_000; ; await sleep(50)) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    assert.ok(Date.now() < late, what);
  }
}

/** The one that waits, when there is one and no other, twice in a row: one that is on its way into a compartment looks the same at first. */
function spareOf({ state }: Stand): Promise<number> {
  let before: number | undefined;
  return until('there is no spare', () => {
    const [pid, ...more] = spares(state);
    const stays = more.length === 0 && pid === before && pid;
    before = pid;
    return stays;
  });
}

/** Launchers in the agent's cgroup that are confined and wait for what to run: who is about to end, or to wait, has other descriptors. */
function insiders({ fleet }: Stand, agent: string): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const here = readFileSync(`/proc/${name}/cgroup`, 'utf8').includes(`bulkhead/${fleet}/${agent}\n`);
      const launcher = readFileSync(`/proc/${name}/cmdline`, 'utf8').startsWith('bulkhead-launch');
      const open = readdirSync(`/proc/${name}/fd`).sort().join();
      const waits = field(name, 'Seccomp') === '2' && childrenOf(Number(name)).length === 0 && open === '0,1,2,3';
      return here && launcher && waits ? [Number(name)] : [];
    } catch {
      return []; // it has ended
    }
  });
}

const insider = (stand: Stand, agent: string): Promise<number> =>
  until(`nobody waits in ${agent}`, () => {
    const [pid, ...more] = insiders(stand, agent);
    return more.length === 0 && pid;
  });

function field(pid: number | string, key: string): string {
  return new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]?.trim() ?? '';
}

async function inside(stand: Stand): Promise<void> {
  await stand.run('one', ['true']);
  const pid = await insider(stand, 'one');
  const command = piped(stand, 'two', ['sh', '-c', 'echo up; cat'], { input: null });
  await firstOutput(command.child);
  // It may be ending just now, in neither of the two any more.
  await until(
    'two is not given the one of one',
    () => !existsSync(`/proc/${pid}`) || insiders(stand, 'one').includes(pid),
  );
  command.child.stdin?.end();
  await command.ended;

  await stand.run('one', ['true']);
  const waiting = await insider(stand, 'one');
  const rights = [
    'Uid',
    'Gid',
    'Groups',
    'NoNewPrivs',
    'Seccomp',
    'Seccomp_filters',
    'CapInh',
    'CapPrm',
    'CapEff',
    'CapBnd',
    'CapAmb',
  ];
  const { stdout } = await stand.run('one', ['sh', '-c', 'cat /proc/self/status']);
  assert.ok(!existsSync(`/proc/${waiting}`), 'the command had another launcher');
  const next = await insider(stand, 'one');
  for (const key of rights.slice(3))
    assert.equal(field(next, key), new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(stdout)?.[1]?.trim(), key);
  assert.deepEqual(readdirSync(`/proc/${next}/fd`).sort(), ['0', '1', '2', '3']);
  for (const space of ['mnt', 'net', 'ipc', 'uts', 'user', 'cgroup'])
    assert.notEqual(readlinkSync(`/proc/${next}/ns/${space}`), readlinkSync(`/proc/self/ns/${space}`), space);
  const seen = await stand.run('one', ['sh', '-c', 'cat /proc/[0-9]*/comm']);
  assert.doesNotMatch(seen.stdout, /bulkhead-launch/, 'the agent sees it');
}

async function left(stand: Stand): Promise<void> {
  await stand.run('one', ['true']);
  const first = await insider(stand, 'one');
  assert.equal((await stand.bulkhead(['stop', 'one'])).status, 0);
  await until('it outlives its compartment', () => !existsSync(`/proc/${first}`));
  assert.equal((await stand.bulkhead(['restart', 'one'])).status, 0);
  assert.equal((await stand.run('one', ['sh', '-c', 'exit 3'])).status, 3);

  const second = await insider(stand, 'one');
  await stand.bulkhead(['pause', 'one']);
  await until('it waits among the frozen', () => !existsSync(`/proc/${second}`));
  assert.equal((await stand.run('one', ['true'])).status, 125);
  assert.equal((await stand.run('two', ['sh', '-c', 'exit 4'])).status, 4);
  await stand.bulkhead(['resume', 'one']);
  assert.equal((await stand.run('one', ['sh', '-c', 'exit 5'])).status, 5);

  process.kill(await insider(stand, 'one'), 'SIGKILL');
  assert.equal((await stand.run('one', ['sh', '-c', 'exit 6'])).status, 6);
}

/** A launcher of our own in the agent's namespaces (not in its cgroup): until it holds it is told the same as one of the warden's. */
async function ordered(stand: Stand): Promise<void> {
  await stand.run('one', ['true']);
  const waits = await insider(stand, 'one');
  const anchor = firstOf(waits);
  const ids = (key: string): number => Number(field(waits, key).split(/\s+/)[0]);
  const spaces = ['cgroup', 'ipc', 'uts', 'net', 'pid', 'mnt', 'user'] as const;
  const place: Order[] = [
    ...spaces.map((kind): Order => ({ do: 'ns', kind, path: `/proc/${anchor}/ns/${kind}` })),
    { do: 'filter', path: `${stand.state}/run/filter.bpf` },
    { do: 'uid', id: ids('Uid') },
    { do: 'gid', id: ids('Gid') },
    { do: 'hold' },
  ];
  const said = async (rest: string): Promise<string> => {
    const { child, begin } = startLauncher('enter', ['ignore', 'pipe', 'pipe']);
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    begin(place);
    (child.stdio[3] as Writable).end(rest);
    const status = await new Promise((resolve) => child.once('close', resolve));
    return `${status} ${text}`;
  };
  const run = orderText([
    { do: 'arg', value: '/usr/bin/echo' },
    { do: 'arg', value: 'ran' },
  ]);
  assert.equal(await said(`${run}end\n`), '0 ran\n');
  for (const rest of ['', 'end\n', run, `${run}end\nend\n`])
    assert.match(await said(rest), /^125 launcher: (orders after the end|the orders are not whole)\n$/, rest);
  for (const order of [
    'uid\t0',
    'cgroup\t/proc/self/comm',
    'tty',
    'hold',
    'filter\t/dev/null',
    'stage\t/tmp',
    'group\t0',
    'keep\t9',
  ])
    assert.equal(await said(`${order}\n${run}end\n`), '125 launcher: not after the hold\n', order);
}

/** The process that everybody in the same mount namespace stems from. */
function firstOf(pid: number): number {
  const space = readlinkSync(`/proc/${pid}/ns/mnt`);
  const inside = readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readlinkSync(`/proc/${name}/ns/mnt`) === space && /\t1$/m.test(nspid(name));
    } catch {
      return false;
    }
  });
  return Number(inside[0] ?? assert.fail('no first process'));
}

const nspid = (name: string): string => `\t${field(name, 'NSpid').replaceAll(/\s+/g, '\t')}`;

/** All that the kernel says of a process's rights, as the command itself reads it; what counts time and memory left out. */
const SELF = `import os,json,resource
keep=('Umask','Uid','Gid','Groups','NoNewPrivs','Seccomp','Seccomp_filters','CapInh','CapPrm','CapEff','CapBnd','CapAmb','SigBlk','SigIgn')
status={k:v.strip() for k,v in (line.split(':',1) for line in open('/proc/self/status')) if k in keep}
spaces={n:os.readlink('/proc/self/ns/'+n) for n in os.listdir('/proc/self/ns')}
fds=sorted(n+' '+os.readlink('/proc/self/fd/'+n).split(':')[0] for n in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/'+n))
print(json.dumps([status,spaces,fds,sorted(os.environ.items()),open('/proc/self/cgroup').read(),open('/proc/self/limits').read(),
 open('/proc/self/oom_score_adj').read(),os.nice(0),sorted(os.sched_getaffinity(0)),os.getcwd(),os.getsid(0)==os.getpid(),open('/proc/self/timerslack_ns').read()]))`;

async function confined(stand: Stand): Promise<void> {
  const command = ['python3', '-c', SELF];
  await spareOf(stand);
  const first = await stand.run('one', command);
  assert.equal(first.status, 0, first.stderr);
  assert.deepEqual(first.json[2], ['0 pipe', '1 pipe', '2 pipe']);
  await insider(stand, 'one');
  assert.deepEqual((await stand.run('one', command)).json, first.json);
  // Of these most have a launcher that was started for them.
  const crowd = await Promise.all(Array.from({ length: 5 }, () => stand.run('one', command)));
  for (const { json } of crowd) assert.deepEqual(json, first.json);
}

async function either(stand: Stand): Promise<void> {
  for (const agent of ['one', 'two', 'one']) {
    await spareOf(stand);
    assert.equal((await stand.run(agent, ['sh', '-c', 'echo $BULKHEAD_AGENT'])).stdout, `${agent}\n`);
  }
}

/** Both look at the streams of every process that they can see; what one writes, the other does not get. */
async function apart(stand: Stand): Promise<void> {
  await spareOf(stand);
  const script =
    'cat; readlink /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2; sleep 0.5; ls -l /proc/self/fd | grep -c pipe';
  const both = await Promise.all(
    ['a', 'b'].map((text) => piped(stand, 'one', ['sh', '-c', script], { input: Buffer.from(`${text}\n`) }).ended),
  );
  const lines = both.map(({ stdout }) => stdout.toString().trim().split('\n'));
  assert.deepEqual([lines[0]?.[0], lines[1]?.[0]], ['a', 'b']);
  const pipes = lines.flatMap((said) => said.filter((line) => line.startsWith('pipe:')));
  assert.equal(new Set(pipes).size, 6, pipes.join(' '));
}

async function hundred(stand: Stand): Promise<void> {
  const warden = await wardenOf(stand);
  await insider(stand, 'one');
  await spareOf(stand);
  const before = readdirSync(`/proc/${warden}/fd`).length;
  const all: Ended[] = await Promise.all(
    Array.from(
      { length: 100 },
      (_, i) =>
        piped(stand, i % 2 ? 'one' : 'two', ['sh', '-c', `cat; exit ${i}`], { input: Buffer.from(`n${i}`) }).ended,
    ),
  );
  for (const [i, { status, stdout, stderr }] of all.entries())
    assert.deepEqual([status, stdout.toString(), stderr.toString()], [i, `n${i}`, '']);
  await spareOf(stand);
  await until('the warden keeps descriptors', () => readdirSync(`/proc/${warden}/fd`).length <= before + 2);
}

async function meanwhile(stand: Stand): Promise<void> {
  await stand.run('one', ['true']);
  const first = await insider(stand, 'one');
  const { child, ended } = piped(stand, 'one', ['sh', '-c', 'echo up; cat'], { input: null });
  await firstOutput(child);
  const second = await until('there is no other', () => insiders(stand, 'one').find((pid) => pid !== first));
  const ours = (pid: number): string[] => [0, 1, 2, 3].map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  assert.deepEqual(readdirSync(`/proc/${second}/fd`).sort(), ['0', '1', '2', '3']);
  assert.equal(new Set(ours(second)).size, 4);
  assert.equal((await stand.run('one', ['true'])).status, 0);
  child.stdin?.end();
  assert.equal((await ended).status, 0);
}

/** Its launcher is held up for longer than who is hung up has to end by himself. */
async function late(stand: Stand): Promise<void> {
  await stand.run('one', ['true']);
  const launcher = await insider(stand, 'one');
  process.kill(launcher, 'SIGSTOP');
  try {
    const { child, ended } = piped(stand, 'one', ['sleep', '300'], { input: null });
    await until('it was not given the command', () => insiders(stand, 'one').some((pid) => pid !== launcher));
    child.kill('SIGKILL');
    await ended;
    await sleep(3000);
  } finally {
    process.kill(launcher, 'SIGCONT');
  }
  await until('its command runs on, and nobody wants it', () => !existsSync(`/proc/${launcher}`));
}

async function killed(stand: Stand): Promise<void> {
  for (const wait of [0, 300]) {
    process.kill(await spareOf(stand), 'SIGKILL');
    await sleep(wait);
    assert.equal((await stand.run('one', ['sh', '-c', 'exit 9'])).status, 9);
  }
  await spareOf(stand);
}

async function paused(stand: Stand): Promise<void> {
  await insider(stand, 'one'); // whoever is on the way in there would be taken for the spare
  const spare = await spareOf(stand);
  await stand.bulkhead(['pause', 'one']);
  const { status, stderr } = await stand.run('one', ['true']);
  assert.deepEqual([status, stderr.trim().split('\n').length], [125, 2], stderr);
  assert.equal(await spareOf(stand), spare);
  assert.equal((await stand.run('two', ['true'])).status, 0, 'another agent runs on');
  await stand.bulkhead(['resume', 'one']);
  assert.equal((await stand.run('one', ['true'])).status, 0);
}

async function ends(stand: Stand): Promise<void> {
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const [warden, spare] = [await wardenOf(stand), await spareOf(stand)];
    process.kill(warden, signal);
    await until(`it outlives its warden after ${signal}`, () => !existsSync(`/proc/${spare}`));
    assert.equal((await stand.bulkhead(['up'])).status, 0);
    assert.equal((await stand.run('one', ['true'])).status, 0);
  }
}
