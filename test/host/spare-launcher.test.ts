import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SpareLaunchers } from '../../src/host/launch/spare-launcher.ts';
import { pipe } from '../../src/host/pipes.ts';
import { statOf } from '../../src/host/processes/process-stat.ts';
import { childrenOf, endProcess } from '../../src/host/processes/processes.ts';

const MODULE = fileURLToPath(new URL('../../src/host/launch/spare-launcher.ts', import.meta.url));

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const late = Date.now() + 60_000; !holds(); await sleep(25)) assert.ok(Date.now() < late, what);
}

const state = (pid: number): string => statOf(pid)?.[0] ?? 'gone';
/** Its code is read and it waits: only then it has no file of its own open any more. */
const ready = (pid: number): boolean => fds(pid).length === 4 && state(pid) === 'S';
const fds = (pid: number): string[] => readdirSync(`/proc/${pid}/fd`);

test('one is ready, it is given away once, and has nothing open but its streams and its orders', async (t) => {
  const spare = new SpareLaunchers();
  t.after(() => spare.end());
  const before = childrenOf(process.pid);
  const open = readdirSync('/proc/self/fd').length;
  spare.prepare();
  spare.prepare();
  const [pid = 0, ...others] = childrenOf(process.pid).filter((child) => !before.includes(child));
  assert.deepEqual(others, [], 'one, however often it is asked for');
  if (process.getuid?.() === 0) await until('it did not become ready', () => ready(pid));
  const streams = fds(pid).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/:.*/, ''));
  if (process.getuid?.() === 0) assert.deepEqual(streams, ['pipe', 'pipe', 'pipe', 'socket']);
  const [first, second] = [spare.take([]), spare.take([])];
  t.after(() => {
    for (const { child } of [first, second]) child.kill('SIGKILL');
  });
  assert.equal(first.child.pid, pid);
  assert.notEqual(second.child.pid, pid);
  assert.equal(new Set([...first.ours, ...second.ours]).size, 6, 'no end of a pipe is given away twice');
  assert.ok(readdirSync('/proc/self/fd').length <= open + 2 * 4 + 1, 'their ends of the pipes are closed here');
});

test('one that was killed is not given away, and its ends are closed', async (t) => {
  const spare = new SpareLaunchers();
  t.after(() => spare.end());
  const open = readdirSync('/proc/self/fd').length;
  for (const told of [false, true]) {
    const before = childrenOf(process.pid);
    spare.prepare();
    const [pid = 0] = childrenOf(process.pid).filter((child) => !before.includes(child));
    endProcess(pid);
    // Not told yet: no turn of the event loop has passed in which its end could be heard.
    for (const late = performance.now() + 60_000; !told && state(pid) !== 'Z' && performance.now() < late; );
    if (told) await until('it did not end', () => state(pid) === 'gone');
    const taken = spare.take([]);
    assert.notEqual(taken.child.pid, pid);
    await new Promise((resolve) => {
      taken.child.once('exit', resolve);
      taken.child.kill('SIGKILL');
    });
  }
  const left = (): boolean => readdirSync('/proc/self/fd').length <= open + 2 * 3;
  await until('more than the ends of the two taken is still here', left);
});

test('nor is one that was killed and did not come to its end yet', async (t) => {
  const spare = new SpareLaunchers();
  const cpus = /^Cpus_allowed:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? assert.fail();
  const one = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? assert.fail();
  t.after(() => {
    execFileSync('taskset', ['-p', cpus, String(process.pid)]);
    spare.end();
  });
  execFileSync('taskset', ['-p', '-c', one, String(process.pid)]);
  for (let round = 0; round < 5; round++) {
    const before = childrenOf(process.pid);
    spare.prepare();
    const pid = childrenOf(process.pid).find((child) => !before.includes(child)) ?? assert.fail();
    await until('it did not become ready', () => ['gone', 'S'].includes(state(pid)));
    // It comes to no processor while we have ours.
    execFileSync('taskset', ['-p', '-c', one, String(pid)]);
    execFileSync('renice', ['-n', '19', '-p', String(pid)]);
    process.kill(pid, 'SIGKILL');
    const { child } = spare.take([]);
    const given = child.pid;
    child.kill('SIGKILL');
    assert.notEqual(given, pid, `in round ${round}`);
    await until('it did not end', () => ['gone', 'Z'].includes(state(pid)));
  }
});

test('it ends with whoever keeps it, also by SIGKILL, and has then begun nothing', async () => {
  for (const end of ['process.exit(0)', "process.kill(process.pid, 'SIGKILL')"]) {
    const text = `import { SpareLaunchers } from ${JSON.stringify(MODULE)};
      import { childrenOf } from ${JSON.stringify(MODULE.replace('launch/spare-launcher', 'processes/processes'))};
      new SpareLaunchers().prepare();
      process.stdout.write(String(childrenOf(process.pid)[0]), () => { ${end} });`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', text], { encoding: 'utf8' });
    const pid = Number(stdout);
    assert.ok(pid > 0, stdout);
    await until(`it still waits after ${end}`, () => ['gone', 'Z'].includes(state(pid)));
  }
});

test('each has the way to the exec gate, and whoever is told of no gate closes it', async (t) => {
  const way = pipe();
  const spare = new SpareLaunchers(() => [way.write]);
  t.after(() => {
    spare.end();
    for (const fd of [way.read, way.write]) closeSync(fd);
  });
  const before = childrenOf(process.pid);
  spare.prepare();
  const waiting = childrenOf(process.pid).filter((child) => !before.includes(child));
  assert.equal(waiting.length, 1);
  const [pid = 0] = waiting;
  if (process.getuid?.() !== 0) return;
  await until('it did not become ready', () => fds(pid).length === 5 && state(pid) === 'S');
  assert.equal(readlinkSync(`/proc/${pid}/fd/4`), readlinkSync(`/proc/self/fd/${way.write}`));
});
