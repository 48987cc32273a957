import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { makeTool, removeTool } from './elevated-stand.ts';
import { NOT_ROOT, withFleetBeside } from './stand.ts';

/** What the loader and Perl obey, what sudo never knew, and what it keeps, or keeps after a check, unless it is told otherwise (sudoers(5),
 *  env_keep, env_check). */
const OF_THE_AGENT = ['LD_PRELOAD', 'PERL5OPT', 'EVIL', 'DISPLAY', 'LS_COLORS', 'COLORTERM'].map(
  (name) => `${name}=${name === 'PERL5OPT' ? '-d' : 'of-the-agent'}`,
);

test('sudoers: true installs what sudo can say, as a step; it grants that and no more; down takes it away', {
  skip: NOT_ROOT,
}, async () => {
  assert.ok(existsSync('/etc/sudoers.d'), 'sudo is missing: setup/os-packages install test');
  const tool = makeTool();
  const { file } = tool;
  const yaml = `sudoers: true
agents:
  one:
    exec: { sets: [base] }
    elevated:
      - { run: "${file} status {n}", with: { n: [7, 8] }, as: root, ask: false }
      - { run: "${file} look root", as: root, ask: false }
      - { run: "${file} say asked 1", as: root }
`;
  try {
    await withFleetBeside(yaml, async (stand) => {
      const path = `/etc/sudoers.d/bulkhead-${stand.fleet}`;
      const user = `bh-${stand.fleet}-one`;
      const { mode, uid } = statSync(path);
      assert.deepEqual([mode & 0o777, uid], [0o440, 0]);
      execFileSync('visudo', ['-c'], { stdio: 'ignore' });
      const sudo = (...argv: string[]) =>
        spawnSync('runuser', ['-u', user, '--', 'env', ...OF_THE_AGENT, 'sudo', '-n', ...argv], { encoding: 'utf8' });
      assert.equal(sudo(file, 'status', '7').status, 7);
      assert.equal(sudo(file, 'status', '8').status, 8);
      for (const argv of [['status', '9'], ['status'], ['status', '7', '8'], ['say', 'asked', '1'], []]) {
        const { status, stderr } = sudo(file, ...argv);
        assert.match(`${status} ${stderr}`, /^1 .*password is required/s, argv.join(' '));
      }
      assert.equal(sudo('-u', 'nobody', file, 'status', '7').status, 1, 'as nobody else');
      const { stdout } = sudo(file, 'look', 'root');
      assert.match(stdout, /^PATH=\/usr\/local\/sbin:\/usr\/local\/bin:\/usr\/sbin:\/usr\/bin:\/sbin:\/bin$/m);
      assert.doesNotMatch(stdout, /of-the-agent|PERL5OPT/);
      const inside = await stand.run('one', ['bulkhead-do', file, 'status', '7']);
      assert.equal(inside.status, 7, 'and bulkhead-do is there beside it');
      assert.equal((await stand.bulkhead(['down'])).status, 0);
      assert.equal(existsSync(path), false);
    });
  } finally {
    removeTool(tool);
  }
});
