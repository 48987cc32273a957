import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { removeTree } from '../../src/host/files/mounts.ts';
import { listenTo } from '../gateway/said.ts';
import { type Result, start } from './command.ts';
import { NOT_ROOT, withFleetBeside } from './stand.ts';
import { withinReach } from './within-reach.ts';

// A server that is an hour ahead, on this machine's loopback, and Debian's own client in compartments of a real fleet.

const AT = `127.${100 + (process.pid % 100)}.77.3`;
const HOUR_AHEAD = /^\S+ \S+ \S+ \+3(?:59|60)\d\.\d+ \S+ \S+ clock\.test \S+ s2 no-leap$/m;
const fleet = (name = ''): string => `${name}
defaults: { exec: { sets: [base, python], allow: [ntpdig], ask: never }, limits: { disk: 64M } }
agents:
  asker:
    egress: [{ ntp: clock.test, address: ${AT} }]
  idle:
    egress: [clock.test]
`;

async function withClock(use: (asked: readonly { question: string }[]) => Promise<void>): Promise<void> {
  const server = fileURLToPath(new URL('../gateway/time-origin.ts', import.meta.url));
  const child = spawn(process.execPath, [server, `${AT}=plain`], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const asked: { question: string }[] = [];
    await listenTo(child, (one) => asked.push(one));
    await use(asked);
  } finally {
    child.kill('SIGKILL');
  }
}

test('an agent asks a granted server for the time with its own client, another may not, and neither can set a clock', {
  skip: NOT_ROOT,
}, async () => {
  const use = (asked: readonly { question: string }[]): Promise<void> =>
    withFleetBeside(fleet(), async (stand) => {
      const told = await stand.run('asker', ['ntpdig', '-t', '30', '-p', '3', 'clock.test']);
      assert.match(told.stdout, HOUR_AHEAD, told.stderr);
      assert.equal(asked.length, 1);
      const set = await stand.run('asker', ['ntpdig', '-t', '30', '-S', 'clock.test']);
      assert.match(set.stdout + set.stderr, /not permitted|permission|Operation/i);
      const none = await stand.run('idle', ['ntpdig', '-t', '1', 'clock.test']);
      assert.doesNotMatch(none.stdout, /\+3[56]/);
      assert.equal(asked.length, 1);
      const tried = await stand.bulkhead(['logs', 'idle', '--tried']);
      assert.match(tried.stdout, /clock\.test:123 \(time\)[\s\S]*agents\.idle\.egress: \[\{ ntp: clock\.test \}\]/);
      const map = await stand.bulkhead(['map', 'asker']);
      assert.match(map.stdout, new RegExp(`clock\\.test:123 for the time at ${AT}`));
      const plan = await stand.bulkhead(['plan']);
      assert.match(plan.stdout, /[Nn]othing/, plan.stdout);
      const tail = await stand.bulkhead(['ledger', 'tail', '--agent', 'asker', '--event', 'egress.allowed']);
      assert.match(tail.stdout, /clock\.test:123/);
      const status = await stand.bulkhead(['status', '--probe']);
      assert.match(status.stdout, /asker .* 8 full/);
      stand.write(fleet().replace('  asker:', '  asker:\n    tier: user'));
      const refused = await stand.bulkhead(['plan']);
      assert.match(refused.stderr, /an agent of tier user cannot ask clock\.test for the time.*\nTake it out/);
    });
  await withClock(use);
});

const LONG = process.env.BULKHEAD_LONG ? false : 'in the long suite: setup/test long';

test('without root too', { skip: NOT_ROOT || LONG }, async () => {
  const product = await withinReach();
  const uid = 63_800 + (process.pid % 90);
  const home = mkdtempSync(join(tmpdir(), 'bulkhead-time-nobody-'));
  const as = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', 'env', '-i', `HOME=${home}`];
  const program = [...as, `PATH=${process.env.PATH}`, `${product.tree}/bulkhead`];
  const bulkhead = ([first = '', ...rest]: readonly string[]): Promise<Result> =>
    start([first, '--state', join(home, 'state'), ...rest], { program }).ended;
  try {
    writeFileSync(join(home, 'fleet.yaml'), fleet('fleet: nobody-time'));
    for (const path of [home, join(home, 'fleet.yaml')]) chownSync(path, uid, uid);
    chmodSync(home, 0o700);
    await withClock(async (asked) => {
      const up = await bulkhead(['up', '-f', join(home, 'fleet.yaml')]);
      assert.equal(up.status, 0, up.stdout + up.stderr);
      const told = await bulkhead(['run', 'asker', '--', 'ntpdig', '-t', '30', 'clock.test']);
      assert.match(told.stdout, HOUR_AHEAD, told.stderr);
      assert.equal(asked.length, 1);
      const none = await bulkhead(['run', 'idle', '--', 'ntpdig', '-t', '1', 'clock.test']);
      assert.doesNotMatch(none.stdout, /\+3[56]/);
      assert.equal(asked.length, 1);
    });
  } finally {
    await bulkhead(['uninstall']);
    removeTree(home);
    product.close();
  }
});
