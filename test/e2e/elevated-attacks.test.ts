import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { approve, asked } from './asking.ts';
import { type Case, outside, type Tool, withTool } from './elevated-stand.ts';
import { NOT_ROOT, type Stand } from './stand.ts';

const CASES: readonly Case[] = [
  ['words that are nearly the granted ones run nothing', nearly],
  ['another agent’s command, or one without any, runs nothing', others],
  ['a link or .. below the granted folder leads nowhere', links],
  ['no process of the agent can look into or change the one that asks', looking],
  ['an approval is used once, by one of all who wait for it', replayed],
  ['a stub that is killed takes its command with it, and what that started', orphaned],
  ['a command that is stopped from outside holds nobody else up', stopped],
  ['a thousand calls at once are each run whole or refused in one line', thousand],
  ['a call that leads to a program others can change, or to a shell, is refused at up', loading],
];

test('attacks on commands outside', { skip: NOT_ROOT }, (t) => withTool(t, CASES));

const NOT_THIS = 'bulkhead: not run outside: no elevated command of fleet.yaml is this one\n';

async function nearly(stand: Stand, { file }: Tool): Promise<void> {
  const before = (await outside(stand)).filter(({ event }) => event === 'elevated.started').length;
  const granted = [file, 'status', '7'];
  for (const argv of [
    [...granted, '8'],
    granted.slice(0, 2),
    ['--', ...granted],
    [file, '--', 'status', '7'],
    [file, '-H', 'root@host', 'status', '7'],
    [file, 'status', '7\n'],
    [file, 'status', '７'],
    [file, 'status', '-7'],
    [file, 'status', '7; id'],
    [file, 'status 7'],
    [file, 'st\u0430tus', '7'],
    [`/bin/../${file}`, 'status', '7'],
    ['tool', 'status', '7'],
    ['/bin/sh', '-c', 'id'],
    ['', ...granted],
    [...granted, ''],
    [file, 'say', '-x'],
    [file, 'say', 'a/b'],
    Array.from({ length: 3000 }, () => 'x'),
  ]) {
    const { status, stdout, stderr } = await stand.run('one', ['bulkhead-do', ...argv]);
    assert.deepEqual([status, stdout, stderr], [126, '', NOT_THIS], JSON.stringify(argv).slice(0, 100));
  }
  assert.equal((await stand.run('one', ['bulkhead-do'])).status, 126);
  // What the process calls itself is not looked at, and its own name decides nothing.
  const renamed = await stand.run('one', ['bash', '-c', `exec -a ${file} bulkhead-do status 7`]);
  assert.equal(renamed.status, 126);
  const after = (await outside(stand)).filter(({ event }) => event === 'elevated.started').length;
  assert.equal(after, before, 'nothing was started');
  assert.equal((await stand.run('one', ['bulkhead-do', ...granted])).status, 7, 'and the granted one still is');
}

async function others(stand: Stand, { file }: Tool): Promise<void> {
  const foreign = await stand.run('two', ['bulkhead-do', file, 'status', '7']);
  assert.deepEqual([foreign.status, foreign.stderr], [126, NOT_THIS]);
  assert.equal((await stand.run('two', ['bulkhead-do', file, 'say', 'two'])).stdout, 'say|two\n');
  assert.equal((await stand.run('one', ['sh', '-c', `BULKHEAD_AGENT=two bulkhead-do ${file} status 9 x`])).status, 126);
  assert.equal((await stand.run('none', ['bulkhead-do', file, 'say', 'two'])).status, 127, 'it has no bulkhead-do');
}

async function links(stand: Stand, { file, folder }: Tool): Promise<void> {
  const web = join(folder, 'web');
  writeFileSync(join(web, 'page'), '');
  symlinkSync('/etc', join(web, 'etc'));
  symlinkSync('/etc/shadow', join(web, 'shadow'));
  const say = (path: string) => stand.run('one', ['bulkhead-do', file, 'say', 'file', path]);
  assert.equal((await say(`${web}/page`)).stdout, `say|file|${web}/page\n`);
  for (const path of ['shadow', 'etc/passwd', '../tool', './page', '/page', 'none/x', ''])
    assert.equal((await say(`${web}/${path}`)).status, 126, path);
  assert.equal((await say('/etc/passwd')).status, 126);
}

/** What `look.py` tries is in gate-attacks.test.ts; here it is the same stub while it waits, and while it passes bytes. */
async function looking(stand: Stand, { file }: Tool): Promise<void> {
  const look = String.raw`
import ctypes, os, subprocess, sys, time
libc = ctypes.CDLL(None, use_errno=True)
p = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
print(p.stdout.read(3).decode())
def tried(name, act):
    try: act()
    except OSError: print(name, 'held')
    else: print(name, 'GOT')
def must(r):
    if r < 0: raise OSError(ctypes.get_errno(), '')
for name in ('mem', 'environ', 'maps'): tried(name, lambda: open(f'/proc/{p.pid}/{name}', 'rb').read(1))
tried('write', lambda: open(f'/proc/{p.pid}/mem', 'r+b'))
tried('fd', lambda: os.listdir(f'/proc/{p.pid}/fd'))
tried('ptrace', lambda: must(libc.syscall(101, 0x4206, p.pid, 0, 0)))
tried('getfd', lambda: must(libc.syscall(438, os.pidfd_open(p.pid), 250, 0)))
tried('writev', lambda: must(libc.syscall(311, p.pid, 0, 0, 0, 0, 0)))
p.kill()
`;
  const { stdout } = await stand.run('one', ['python3', '-c', look, 'bulkhead-do', file, 'sleep', '20']);
  assert.match(stdout, /^pid/, 'it passes bytes');
  assert.equal(stdout.match(/held/g)?.length, 8, stdout);
}

async function replayed(stand: Stand, { file }: Tool): Promise<void> {
  const shown = `${file} say asked 9 (as root outside: ${file})`;
  const script = `for i in 1 2 3 4 5; do bulkhead-do ${file} say asked 9 & done; wait`;
  const { ended } = stand.start(['run', 'one', '--', 'sh', '-c', script]);
  const first = await approve(stand, shown);
  const { id } = await asked(stand, (one) => one.shown === shown && one.id !== first); // the others ask anew
  assert.equal((await stand.bulkhead(['deny', String(id), '--for', '1h'])).status, 0);
  const { stdout, stderr } = await ended;
  assert.equal(stdout, 'say|asked|9\n', 'one of the five');
  assert.equal(stderr, `bulkhead: not run outside: a person refused it (question ${id})\n`.repeat(4));
}

async function orphaned(stand: Stand, { file }: Tool): Promise<void> {
  const dies = async (signal: string): Promise<void> => {
    const out = `/workspace/pid-${signal}`;
    const script = `bulkhead-do ${file} daemon 7 > ${out} & p=$!; while ! grep -q pid ${out}; do sleep 0.05; done; kill -${signal} $p; wait $p; cat ${out}`;
    const { stdout } = await stand.run('one', ['bash', '-c', `set -m; ${script}`]);
    const pid = Number(/pid (\d+)/.exec(stdout)?.[1]);
    assert.ok(pid > 0, stdout);
    await until(() => !existsSync(`/proc/${pid}`), `${signal}: root's command is an orphan`);
  };
  await Promise.all(['KILL', 'TERM', 'INT'].map(dies));
  const left = (): string[] =>
    readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandOf(pid) === 'sleep 3007');
  await until(() => left().length === 0, 'nor is what it had started');
  const ends = async (): Promise<(string | undefined)[]> =>
    (await outside(stand))
      .filter(({ event, argv }) => event === 'elevated.ended' && argv.slice(1).join(' ') === 'daemon 7')
      .map(({ how }) => how);
  let hows = await ends();
  for (const late = Date.now() + 30_000; hows.length < 3 && Date.now() < late; hows = await ends()) await sleep(100);
  assert.deepEqual(hows, Array(3).fill('whoever asked is gone'));
}

/** What is to end ends by itself or is killed after 5 s; an orphan stays for an hour. */
async function until(done: () => boolean, what: string): Promise<void> {
  for (const late = Date.now() + 30_000; !done(); await sleep(50)) assert.ok(Date.now() < late, what);
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

async function stopped(stand: Stand, { file }: Tool): Promise<void> {
  const script = `bulkhead-do ${file} cat 0 < /dev/zero > /workspace/full & p=$!; sleep 1; kill -STOP $p; bulkhead-do ${file} status 3; echo $?; kill -KILL $p`;
  const { stdout } = await stand.run('one', ['bash', '-c', script]);
  assert.equal(stdout, 'out\n3\n');
}

async function thousand(stand: Stand, { file }: Tool): Promise<void> {
  const calls = String.raw`
import concurrent.futures, subprocess, sys
def call(i):
    p = subprocess.run(['bulkhead-do', sys.argv[1], 'say', f'n{i}'], capture_output=True, text=True)
    return (p.returncode, p.stdout, p.stderr, i)
with concurrent.futures.ThreadPoolExecutor(100) as pool: done = list(pool.map(call, range(1000)))
ran = [d for d in done if d[0] == 0 and d[1] == f'say|n{d[3]}\n']
busy = [d for d in done if d[0] == 126 and d[1] == '' and d[2] == 'bulkhead: not run outside: 16 commands run for it already\n']
print(len(ran), len(busy), [d for d in done if d not in ran and d not in busy][:3])
`;
  const { stdout, stderr } = await stand.run('one', ['python3', '-c', calls, file]);
  const [, ran, busy, odd] = /^(\d+) (\d+) (.*)$/m.exec(stdout) ?? assert.fail(stderr);
  assert.equal(odd, '[]');
  assert.equal(Number(ran) + Number(busy), 1000);
  assert.ok(Number(ran) >= 16 && Number(busy) > 0, stdout);
  const still = await stand.run('two', ['bulkhead-do', file, 'say', 'two']);
  assert.equal(still.stdout, 'say|two\n', 'and another agent is served');
}

async function loading(stand: Stand, { file, folder }: Tool): Promise<void> {
  const up = async (run: string, as = 'root'): Promise<string> => {
    stand.write(`agents:\n  one:\n    exec: { sets: [base] }\n    elevated: [{ run: "${run}", as: ${as} }]\n`);
    const { status, stderr } = await stand.bulkhead(['plan']);
    assert.notEqual(status, 0, run);
    return stderr;
  };
  symlinkSync('/bin/bash', join(folder, 'innocent'));
  assert.match(await up(`${folder}/innocent x`), /shell or interpreter/);
  const open = join(stand.folder, 'open');
  writeFileSync(open, '#!/bin/sh\n', { mode: 0o755 });
  assert.match(await up(open), /can be changed by others than root/);
  assert.match(await up(`${file}x`), /is not on this machine/);
  assert.match(await up(file, 'nobody-there'), /no user of this machine/);
}
