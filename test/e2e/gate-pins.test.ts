import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeTree } from '../../src/host/files/mounts.ts';
import { another, approve, execsSoFar, pidOf, question, signalled } from './asking.ts';
import { NOT_ROOT, type Stand, withFleetBeside } from './stand.ts';

const PREFIX = `bh-pins-${process.pid}`;
const PROGRAMS = '/usr/local/bin';
const PACKAGED = `/usr/bin/${PREFIX}-packaged`;
const PLAIN = `${PROGRAMS}/${PREFIX}-plain`;
const ASKED = `${PROGRAMS}/${PREFIX}-asked`;
const MULTI = `${PROGRAMS}/${PREFIX}-multi`;
const APPLET = `${PROGRAMS}/${PREFIX}-applet`;
const CHOICE = `${PROGRAMS}/${PREFIX}-choice`;
const ALTERNATIVE = `/etc/alternatives/${PREFIX}-choice`;

const FLEET = `
agents:
  one:
    exec:
      sets: [base]
      ask: on-miss
      allow-argv: ["${PREFIX}-packaged **", "${PREFIX}-plain **", "${PREFIX}-multi **"]
    ask: { wait: 2m }
`;

/** After six in a row it is started again in three seconds. */
const KILLS = process.env.BULKHEAD_LONG ? 6 : 1;

const CASES: readonly (readonly [claim: string, check: (stand: Stand) => Promise<void>])[] = [
  ['an upgrade of a package is followed, with a line in the record', upgraded],
  ['a change that no package answers for is refused in one line, until the next up', changed],
  ['what was accepted is known to the next gate and the next warden, and the next up accepts anew', remembered],
  ['a file that a person was asked for is asked for again when it is another, under an always too', asked],
  ['of a program of many names, each name is asked for by itself', applets],
  ['a rule for one name of it allows no other', appletRules],
  ['a name that leads through /etc/alternatives is what it leads to, and stays that until the next up', alternatives],
  ['copies that nothing needs are deleted, and those of who waits are not', collected],
];

test('pinned programs', { skip: NOT_ROOT }, async (t) => {
  try {
    install();
    await withFleetBeside(FLEET, async (stand) => {
      for (const [claim, check] of CASES) await t.test(claim, () => check(stand));
    });
  } finally {
    remove();
  }
});

/** A real package with one program in it. */
function installPackage(version: string): void {
  const folder = `/tmp/${PREFIX}-deb`;
  mkdirSync(`${folder}/DEBIAN`, { recursive: true });
  mkdirSync(`${folder}/usr/bin`, { recursive: true });
  copyFileSync('/usr/bin/printf', `${folder}${PACKAGED}`);
  appendFileSync(`${folder}${PACKAGED}`, version);
  const digest = execFileSync('md5sum', [`usr/bin/${PREFIX}-packaged`], { cwd: folder });
  writeFileSync(`${folder}/DEBIAN/md5sums`, digest);
  writeFileSync(
    `${folder}/DEBIAN/control`,
    `Package: ${PREFIX}\nVersion: ${version}\nArchitecture: all\nMaintainer: test\nDescription: a program of a test\n`,
  );
  execFileSync('dpkg-deb', ['--root-owner-group', '-b', folder, `${folder}.deb`], { stdio: 'pipe' });
  execFileSync('dpkg', ['-i', `${folder}.deb`], { stdio: 'pipe' });
}

/** As an editor or an installer does: a new file takes the name. */
function put(at: string, from: string, more = ''): void {
  copyFileSync(from, `${at}.next`);
  appendFileSync(`${at}.next`, more);
  chmodSync(`${at}.next`, 0o755);
  renameSync(`${at}.next`, at);
}

function install(): void {
  installPackage('1.0');
  put(PLAIN, '/usr/bin/printf');
  put(ASKED, '/usr/bin/printf');
  put(MULTI, '/usr/bin/xz');
  symlinkSync(MULTI, APPLET);
  symlinkSync(PLAIN, ALTERNATIVE);
  symlinkSync(ALTERNATIVE, CHOICE);
}

function remove(): void {
  execFileSync('dpkg', ['-P', PREFIX], { stdio: 'pipe' });
  for (const path of [PLAIN, ASKED, MULTI, APPLET, ALTERNATIVE, CHOICE, `/tmp/${PREFIX}-deb.deb`])
    rmSync(path, { force: true });
  removeTree(`/tmp/${PREFIX}-deb`);
}

async function pinned(stand: Stand): Promise<Record<string, unknown>[]> {
  return ((await execsSoFar(stand)) as unknown as Record<string, unknown>[]).filter(
    ({ event }) => event === 'exec.pinned',
  );
}

async function upgraded(stand: Stand): Promise<void> {
  const run = (): ReturnType<Stand['run']> => stand.run('one', [`${PREFIX}-packaged`, 'ran']);
  assert.equal((await run()).stdout, 'ran');
  installPackage('2.0');
  assert.equal((await run()).stdout, 'ran');
  const [entry, ...more] = await pinned(stand);
  assert.equal(more.length, 0);
  assert.deepEqual([entry?.path, entry?.package, entry?.version], [PACKAGED, PREFIX, '2.0']);
  assert.notEqual(entry?.from, entry?.to);
  appendFileSync(PACKAGED, 'tampered');
  const { status, stderr } = await run();
  assert.equal(status, 126, 'its package answers for other bytes');
  assert.match(stderr, /has changed since it was allowed/);
  assert.equal((await pinned(stand)).length, 1);
}

async function changed(stand: Stand): Promise<void> {
  const run = (): ReturnType<Stand['run']> => stand.run('one', [`${PREFIX}-plain`, 'ran']);
  assert.equal((await run()).stdout, 'ran');
  put(PLAIN, '/usr/bin/printf', 'other');
  const { status, stderr, stdout } = await run();
  assert.deepEqual([status, stdout], [126, '']);
  assert.match(
    stderr,
    /^bulkhead: \S+ is refused: \/usr\/local\/bin\/\S+ has changed since it was allowed[^\n]*bulkhead up\n$/,
  );
  assert.equal((await stand.bulkhead(['up'])).status, 0);
  assert.equal((await run()).stdout, 'ran');
  const entry = (await pinned(stand)).find(({ path }) => path === PLAIN);
  assert.equal(entry?.accepted, 'up');
}

async function remembered(stand: Stand): Promise<void> {
  const run = (): ReturnType<Stand['run']> => stand.run('one', [`${PREFIX}-plain`, 'ran']);
  put(PLAIN, '/usr/bin/printf', 'third');
  assert.equal((await run()).status, 126);
  for (const program of ['gate', 'warden']) {
    const pid = await pidOf(stand, program);
    process.kill(pid, 'SIGKILL');
    await servesAgain(stand, program, pid);
    const { status, stdout, stderr } = await run();
    assert.deepEqual([status, stdout], [126, ''], `after the ${program} was killed`);
    assert.match(stderr, /has changed since it was allowed/);
  }
  for (let left = KILLS, last = 0; left > 0; await sleep(20)) {
    const gate = await pidOf(stand, 'gate').catch(() => last);
    if (gate === last || !signalled(gate, 'SIGKILL')) continue;
    [last, left] = [gate, left - 1];
  }
  assert.equal((await stand.bulkhead(['up'])).status, 0);
  assert.equal((await run()).stdout, 'ran', 'a gate that is just being started hears of the up as well');
}

/** The program serves again, under another pid, and its agents run. */
async function servesAgain(stand: Stand, program: string, before: number): Promise<void> {
  await another(stand, program, before);
  const late = Date.now() + 60_000;
  while ((await stand.run('one', ['true'])).status !== 0) {
    assert.ok(Date.now() < late, 'nothing runs again');
    await sleep(100);
  }
}

async function asked(stand: Stand): Promise<void> {
  const shown = `${PREFIX}-asked ran (program ${ASKED})`;
  const run = (): ReturnType<Stand['run']> => stand.run('one', [`${PREFIX}-asked`, 'ran']);
  const first = run();
  const before = await approve(stand, shown, '--always');
  assert.equal((await first).stdout, 'ran');
  assert.equal((await run()).stdout, 'ran');
  put(ASKED, '/usr/bin/printf', 'asked');
  const again = run();
  const id = await question(stand, shown);
  assert.notEqual(id, before);
  await stand.bulkhead(['deny', String(id)]);
  assert.equal((await again).status, 126);
}

async function applets(stand: Stand): Promise<void> {
  const first = stand.run('one', [`${PREFIX}-applet`, '--version']);
  await approve(stand, `${PREFIX}-applet --version (program ${MULTI})`, '--for', '1h');
  assert.match((await first).stdout, /^xz /);
  const named = stand.run('one', ['bash', '-c', `exec -a unxz ${APPLET} --version`]);
  const id = await question(stand, `unxz --version (program ${MULTI})`);
  await stand.bulkhead(['deny', String(id)]);
  assert.equal((await named).status, 126);
}

async function appletRules(stand: Stand): Promise<void> {
  assert.match((await stand.run('one', [`${PREFIX}-multi`, '--version'])).stdout, /^xz /);
  for (const [script, shown] of [
    [`exec -a unxz ${MULTI} -V`, 'unxz -V'],
    [`${APPLET} -V`, `${APPLET} -V`],
  ] as const) {
    const other = stand.run('one', ['bash', '-c', script]);
    await stand.bulkhead(['deny', String(await question(stand, `${shown} (program ${MULTI})`))]);
    assert.equal((await other).status, 126);
  }
}

async function alternatives(stand: Stand): Promise<void> {
  const deny = async (argument: string, target: string): Promise<void> => {
    const run = stand.run('one', [`${PREFIX}-choice`, argument]);
    const id = await question(stand, `${PREFIX}-choice ${argument} (program ${target})`);
    await stand.bulkhead(['deny', String(id)]);
    assert.equal((await run).status, 126);
  };
  assert.equal((await stand.bulkhead(['up'])).status, 0);
  await deny('1', PLAIN);
  rmSync(ALTERNATIVE);
  symlinkSync(ASKED, ALTERNATIVE);
  await deny('2', PLAIN);
}

async function collected(stand: Stand): Promise<void> {
  const copies = (): string[] => readdirSync(`${stand.state}/pins`);
  const digest = (file: string): string => execFileSync('sha256sum', [file]).toString().slice(0, 64);
  const left = (): boolean[] => ['/usr/bin/printf', ASKED, PLAIN].map((file) => copies().includes(digest(file)));
  const waits = stand.run('one', [`${PREFIX}-asked`, 'waits']);
  const shown = `${PREFIX}-asked waits (program ${ASKED})`;
  await question(stand, shown);
  assert.equal((await stand.bulkhead(['up'])).status, 0);
  assert.deepEqual(left(), [false, true, true], 'that which plain was at first is gone');
  await approve(stand, shown);
  assert.equal((await waits).stdout, 'waits');
  assert.equal((await stand.bulkhead(['up'])).status, 0);
  assert.deepEqual(left(), [false, false, true]);
}
