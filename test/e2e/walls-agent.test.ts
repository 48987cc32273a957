import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { childrenOf } from '../../src/host/processes/processes.ts';
import type { AgentStatus } from '../../src/model/documents.ts';
import { placesOf } from '../../src/plan/places.ts';
import { firstOutput } from './first-output.ts';
import { piped } from './piped.ts';
import { NOT_ROOT, type Stand, withFleet } from './stand.ts';

const ONE = `
defaults:
  limits: { memory: 256M, processes: 200, cpu: 200%, disk: 64M }
  exec: { sets: [base, python] }
agents:
  one: { exec: { sets: [base, python], own: allow } }
`;
/** exec is partial by configuration (own: allow). */
const OWN = 'partial: programs it made itself run in /workspace (exec.own: allow)';

async function holes(stand: Stand): Promise<{ exit: number | null; one: AgentStatus; holes: Record<string, string> }> {
  const { status, json, stderr } = await stand.bulkhead(['status', '--probe', '--json']);
  const one: AgentStatus = json?.agents[0];
  assert.ok(one, stderr);
  const missing = one.walls
    .filter(({ level }) => level !== 'full')
    .map((wall) => [wall.wall, `${wall.level}: ${(wall.missing ?? [wall.why]).join('; ')}`] as const);
  return { exit: status, one, holes: Object.fromEntries(missing) };
}

const CASES: readonly (readonly [claim: string, check: (stand: Stand) => Promise<void>])[] = [
  ['exec.own: allow runs a program made in the workspace, and from nowhere else', own],
  ['no agent reaches the mouth of a probe, and its own words are not taken for facts', spoofed],
  ['a probe that the agent stops or kills is unknown, and unknown is red', stopped],
  ['a probe that finds no process left says so', crowded],
  ['no process that the agent can see is ever less confined, while commands and probes start in a loop', neighbours],
  ['a filter that allows everything is seen once the agent runs under it', unfiltered],
];

test('an agent and what measures it', { skip: NOT_ROOT }, async (t) => {
  await withFleet(ONE, async (stand) => {
    assert.deepEqual((await holes(stand)).holes, { exec: OWN });
    for (const [claim, check] of CASES) await t.test(claim, () => check(stand));
  });
});

async function own(stand: Stand): Promise<void> {
  const script = (at: string): string =>
    `printf '#!/bin/sh\\necho ran\\n' > ${at}/made; chmod +x ${at}/made; ${at}/made`;
  assert.equal((await stand.run('one', ['sh', '-c', script('/workspace')])).stdout, 'ran\n');
  for (const at of ['/home/agent', '/tmp', '/dev/shm'])
    assert.equal((await stand.run('one', ['sh', '-c', script(at)])).status, 126, at);
}

/** Nobody waits longer for what a text of the agent's says in the end (piped.ts), and a round of probes may take a while. */
const soonEnough = (): number => Date.now() + 35_000;

/** Runs a text of the agent's until `use` is done; it says `going` first. */
async function meanwhile(stand: Stand, script: string, use: () => Promise<void>): Promise<string> {
  const { child, ended } = piped(stand, 'one', ['python3', '-c', script], { input: null });
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once('data', () => resolve());
    void ended.then(({ stderr }) => reject(new Error(stderr.toString())));
  });
  try {
    await use();
  } finally {
    child.kill('SIGINT');
  }
  return (await ended).stdout.toString();
}

/** It writes facts to every descriptor of every process it sees, and puts a liar in place of the probe's own program. */
async function spoofed(stand: Stand): Promise<void> {
  const script = `
import os, signal, threading
facts = b'\\nfact self.Seccomp 0\\nfact programs intruder\\nfact links lo eth0\\nfact end yes\\n'
wrote, swapped, seen = 0, 0, set()
signal.signal(signal.SIGINT, lambda *a: (print('wrote', wrote, 'swapped', swapped, 'seen', len(seen), flush=True), os._exit(0)))
liar = '#!/usr/bin/python3\\nimport os\\nfor fd in range(3, 20):\\n  pass\\nfor fd in range(0, 20):\\n  try: os.write(fd, %r)\\n  except OSError: pass\\n' % facts
print('going', flush=True)
while True:
    for pid in os.listdir('/proc'):
        if not pid.isdigit() or int(pid) == os.getpid(): continue
        try:
            if open('/proc/%s/comm' % pid).read().strip() != 'bulkhead-launch': continue
            seen.add(pid)
            for fd in range(0, 6):
                try:
                    f = os.open('/proc/%s/fd/%d' % (pid, fd), os.O_WRONLY); os.write(f, facts); wrote += 1; os.close(f)
                except OSError: pass
        except OSError: pass
    for name in os.listdir('/workspace'):
        if name.startswith('.bulkhead-probe'):
            try:
                with open('/workspace/liar', 'w') as f: f.write(liar)
                os.chmod('/workspace/liar', 0o755); os.rename('/workspace/liar', '/workspace/' + name); swapped += 1
            except OSError: pass`;
  let found: Record<string, string>[] = [];
  const said = await meanwhile(stand, script, async () => {
    for (const enough = soonEnough(); found.length < 15 && Date.now() < enough; )
      found.push((await holes(stand)).holes);
  });
  assert.match(said, /wrote 0 .*seen [1-9]/, 'it saw probes, and wrote to none');
  // It may spoil its own measurement: then less is known, never more.
  found = found.map(({ exec, ...others }) => ({ ...others, ...(exec?.includes('intruder') ? { exec } : {}) }));
  assert.deepEqual(
    found,
    found.map(() => ({})),
    said,
  );
}

async function stopped(stand: Stand): Promise<void> {
  for (const [signal, why] of [
    ['SIGKILL', /did not come to its end/],
    ['SIGSTOP', /did not come to its end \(not within 15 s\)/],
  ] as const) {
    const script = `
import os, signal, time
signal.signal(signal.SIGINT, lambda *a: os._exit(0))
print('going', flush=True)
while True:
    for pid in os.listdir('/proc'):
        if not pid.isdigit(): continue
        try:
            if open('/proc/%s/comm' % pid).read().strip() == 'bulkhead-launch': os.kill(int(pid), signal.${signal})
        except OSError: pass`;
    await meanwhile(stand, script, async () => {
      let { exit, holes: all, one } = await holes(stand);
      // It has as long as a probe takes to come to it: one that it missed has measured what is there.
      for (const enough = soonEnough(); all.files === undefined; { exit, holes: all, one } = await holes(stand)) {
        assert.deepEqual(all, { exec: OWN });
        assert.ok(Date.now() < enough, 'it came to no probe in time');
      }
      assert.equal(exit, 1);
      assert.ok(one.walls.every(({ level }) => level === 'unknown'));
      assert.match(all.files ?? '', why);
    });
    assert.deepEqual((await holes(stand)).holes, { exec: OWN });
  }
}

async function crowded(stand: Stand): Promise<void> {
  const script = `
import os, signal, time
signal.signal(signal.SIGINT, lambda *a: os._exit(0))
full = False
while True: # whoever was there and ends leaves room for one more
    try:
        if os.fork() == 0: time.sleep(600); os._exit(0)
    except OSError:
        if not full: print('going', flush=True)
        full = True
        time.sleep(0.01)`;
  const { child, ended } = piped(stand, 'one', ['python3', '-c', script], { input: null });
  await firstOutput(child);
  const { exit, holes: all } = await holes(stand);
  assert.equal(exit, 1);
  assert.match(
    all.files ?? '',
    /unknown: the probe did not come to its end \(launcher: fork: Resource temporarily unavailable/,
  );
  child.kill('SIGKILL');
  await ended;
  assert.equal((await stand.bulkhead(['restart', 'one'])).status, 0);
  assert.deepEqual((await holes(stand)).holes, { exec: OWN });
}

/** Attack 112. The watcher is the agent's own; root's eyes outside look at the same time. */
async function neighbours(stand: Stand): Promise<void> {
  const script = `
import os, signal
weak, looked, names = set(), 0, set()
signal.signal(signal.SIGINT, lambda *a: (print('looked', looked, 'names', sorted(names), 'weak', sorted(weak), flush=True), os._exit(0)))
print('going', flush=True)
while True:
    for pid in os.listdir('/proc'):
        if not pid.isdigit(): continue
        try: text = open('/proc/%s/status' % pid).read()
        except OSError: continue
        looked += 1
        field = dict(line.split(':', 1) for line in text.splitlines() if ':' in line)
        name = field['Name'].strip(); names.add(name)
        if field['State'].strip()[0] in 'ZX': continue
        if field['Seccomp'].strip() != '2' or field['NoNewPrivs'].strip() != '1' or int(field['CapBnd'], 16) or int(field['CapEff'], 16) or int(field['CapPrm'], 16):
            weak.add(name)
        if name != 'bulkhead-launch': continue
        try:
            fd = os.open('/proc/%s/mem' % pid, os.O_RDWR) # not if it has become the command meanwhile
            if open('/proc/%s/comm' % pid).read().strip() == 'bulkhead-launch': weak.add('memory of the launcher')
            os.close(fd)
        except OSError: pass`;
  const said = await meanwhile(stand, script, async () => {
    const enough = soonEnough();
    for (let i = 0; i < 40 && Date.now() < enough; i++) {
      const runs = Array.from({ length: 4 }, () => stand.run('one', ['true']));
      await Promise.all([...runs, stand.bulkhead(['status', '--probe'])]);
    }
  });
  assert.match(said, /bulkhead-launch.*weak \[\]/, 'the launcher was seen at work, and never weaker');
  const { one } = await holes(stand);
  const sees = /weak \[.*'sleep'\]/;
  let control = '';
  for (let n = 1; n <= 5 && !sees.test(control); n++)
    control = await meanwhile(stand, script, () => intruded(one.pid ?? 0, 500 * n));
  assert.match(control, sees, 'the watcher sees a weaker one when there is one');
}

/** Somebody of the host's is in the process namespace for this long. */
async function intruded(firstPid: number, ms: number): Promise<void> {
  const child = spawn('nsenter', [`--target=${firstPid}`, '--pid', 'sleep', '60'], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const isInside = (pid: number): boolean => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n';
  let [inside] = childrenOf(child.pid ?? 0);
  for (
    const late = Date.now() + 20_000;
    inside === undefined || !isInside(inside);
    [inside] = childrenOf(child.pid ?? 0)
  ) {
    assert.ok(Date.now() < late && child.exitCode === null, 'nobody came in by nsenter');
    await sleep(20);
  }
  await sleep(ms);
  process.kill(inside, 'SIGKILL');
  await ended;
}

async function unfiltered(stand: Stand): Promise<void> {
  const { filter, gatedFilter } = placesOf(stand.state); // the first process has the one, what is started in there the other
  const real = [filter, gatedFilter].map((path) => [path, readFileSync(path)] as const);
  // seccomp(2): one instruction, BPF_RET | BPF_K with SECCOMP_RET_ALLOW
  for (const [path] of real) writeFileSync(path, Buffer.from('0600 0000 0000ff7f'.replaceAll(' ', ''), 'hex'));
  try {
    await stand.bulkhead(['restart', 'one']);
    const { holes: all } = await holes(stand);
    assert.match(all.syscalls ?? 'full', /partial: not refused: .*keyctl.*io_uring|io_uring.*keyctl/);
    assert.match(all.exec ?? 'full', /from memory/);
  } finally {
    for (const [path, bytes] of real) writeFileSync(path, bytes);
    await stand.bulkhead(['restart', 'one']);
  }
  assert.deepEqual((await holes(stand)).holes, { exec: OWN });
}
