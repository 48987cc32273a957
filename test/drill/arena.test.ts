import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openArena } from '../../src/host/arena.ts';
import { removeTree } from '../../src/host/files/mounts.ts';
import { Failure } from '../../src/model/failure.ts';
import { openStage } from '../../src/programs/cli/drill-stage.ts';
import { facts } from './compartment.ts';

const name = `bhdt-${process.pid}-arena`;
const house = `/run/netns/${name}`;
before(() => {
  execFileSync('ip', ['netns', 'add', name]);
  execFileSync('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
});
after(() => execFileSync('ip', ['netns', 'del', name]));

function left(pid: number): string[] {
  return [...readdirSync('/run/netns'), ...readdirSync('/run')].filter((one) => one.startsWith(`bhdrill-${pid}`));
}

function routes(): string {
  return execFileSync('ip', ['-n', name, 'route'], { encoding: 'utf8' });
}

test('arena and neighbour stand up as one stage, run a control, and leave nothing behind', async () => {
  const state = mkdtempSync(join(tmpdir(), 'bulkhead-arena-'));
  const stage = await openStage({ house, known: () => ({ state_dir: state }) });
  try {
    const inside = await stage.inside({ ...facts('coder', ['other']), knowledge: ['notes', 'tasks'] });
    assert.equal(inside.workspace, '/workspace');
    assert.equal(inside.knowledge, 'notes:tasks');
    assert.equal(inside.other_agent, 'other');
    assert.equal(inside.state_dir, state);
    const text =
      'my $was = -e "$A{workspace}/x"; mkdir "$A{workspace}/x" or failed("$!"); $was ? refused("old") : done("new");';
    for (const _ of [1, 2]) {
      const { stdout } = await stage.control('host-root', text, 60_000, await stage.outside('host-root'));
      assert.equal(stdout, 'done new\n');
    }
  } finally {
    await stage.close();
    removeTree(state);
  }
  assert.deepEqual(left(process.pid), []);
  assert.equal(routes(), '');
});

test('what a control of root mounts is no mount of the host, so that nothing of the host can be emptied with it', async () => {
  const stage = await openStage({ house, known: () => ({ state_dir: '/nowhere' }) });
  try {
    const text =
      'my ($none, $at, $type, $data) = ("none", $A{workspace}, "tmpfs", "size=4k"); syscall($A{arch} eq "aarch64" ? 40 : 165, $none, $at, $type, 0, $data) == 0 or failed("$!"); done("mounted");';
    const outside = await stage.outside('host-root');
    const arch = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
    const { stdout } = await stage.control('host-root', text, 60_000, { ...outside, arch });
    assert.equal(stdout, 'done mounted\n');
    assert.ok(outside.workspace);
    assert.equal(readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${outside.workspace} `), false);
  } finally {
    await stage.close();
  }
});

test('a second drill on the same machine is refused with what to do, and the first goes on', async () => {
  const program = `
    import { openArena } from ${JSON.stringify(new URL('../../src/host/arena.ts', import.meta.url).href)};
    await openArena({ house: ${JSON.stringify(house)} });
    console.log('open');
    setInterval(() => {}, 1000);`;
  const first = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const ended = new Promise((resolve) => first.once('exit', resolve));
  try {
    await new Promise<void>((resolve, reject) => {
      first.stdout.once('data', () => resolve());
      first.once('exit', () => reject(new Error('the first drill ended')));
    });
    await assert.rejects(
      openArena({ house }),
      (error: unknown) => error instanceof Failure && error.code === 'drill-running',
    );
    assert.deepEqual(left(process.pid), []);
    assert.notDeepEqual(left(first.pid ?? 0), []);
  } finally {
    first.kill('SIGKILL');
    await ended;
  }
  // What it left behind does not stop the next, which takes it away.
  const next = await openArena({ house });
  await next.close();
  assert.deepEqual(left(first.pid ?? 0), []);
  assert.equal(existsSync(`/run/bhdrill-${first.pid}`), false);
  assert.equal(routes(), '');
});
