import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, test } from 'node:test';
import { type Reachable, withinReach } from '../e2e/within-reach.ts';

const reach: Reachable = await withinReach();
after(() => reach.close());
const NOBODY = '64734';

/** Run as a user who may have no more processes than there are: every fork(2) says EAGAIN. */
const program = (use: string): string => `
const { execFileSync } = await import('node:child_process');
const { launch } = await import('${reach.tree}/src/host/launch/launch.ts');
const { OwnCovers } = await import('${reach.tree}/src/programs/warden/gate/own-covers.ts');
execFileSync('prlimit', ['--pid', String(process.pid), '--nproc=0:0']);
${use}`;

function runs(use: string): string {
  const as = ['--reuid', NOBODY, '--regid', NOBODY, '--clear-groups', '--bounding-set=-all'];
  const { stdout, stderr, status } = spawnSync(
    'setpriv',
    [...as, reach.node, '--input-type=module', '-e', program(use)],
    { encoding: 'utf8', timeout: 120_000, cwd: '/' },
  );
  assert.equal(status, 0, stderr);
  return stdout;
}

const NOT_ROOT = process.getuid?.() === 0 ? false : 'becoming another user needs root';

test('a launcher that the machine has no process for ends, and not whoever starts it', { skip: NOT_ROOT }, () => {
  const use = `
const child = launch('program', [], ['ignore', 'pipe', 'pipe']);
child.once('exit', (status, signal) => console.log('exit', status, signal));
child.once('close', () => console.log('close'));`;
  assert.equal(runs(use), 'exit 71 null\nclose\n');
});

test('a stub that the machine has no process for covers nothing, and says so', { skip: NOT_ROOT }, () => {
  const use = `
const { mkdtempSync, readdirSync } = await import('node:fs');
const folder = mkdtempSync('/tmp/bulkhead-launch-');
const covers = new OwnCovers(folder, (text) => console.log(text));
console.log(JSON.stringify(await covers.cover({ pid: 1, since: 1, base: -100, path: '/x' }, () => 'cover')));
console.log(readdirSync(folder).length);
(await import('node:fs')).rmdirSync(folder);`;
  assert.match(runs(use), /^covering: .*EAGAIN.*\n\{"why":.*\}\n0\n$/);
});
