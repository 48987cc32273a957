import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import { withHostNet } from './host-net.ts';
import { NOT_ROOT, type Stand, withFleet } from './stand.ts';

const FLEET = 'agents: { one: { tier: user, limits: { disk: 64M } } }\n';
const BOXED = 'agents: { one: { limits: { disk: 64M } } }\n';

/** Not the next number that is free, which is behind those of agents, and so the one that another test's agent is about to get. */
const UID = String(58_000 + (process.pid % 900));

/** A person of this machine, for one test. */
async function withPerson(use: (home: string) => Promise<void>): Promise<void> {
  const name = `bhperson${process.pid}`;
  const home = `/home/${name}`;
  execFileSync('useradd', ['--create-home', '--home-dir', home, '--shell', '/bin/bash', '--uid', UID, name]);
  try {
    await use(home);
  } finally {
    execFileSync('userdel', [name]);
    removeTree(home);
  }
}

const mode = (home: string): string => (statSync(home).mode & 0o7777).toString(8);

/** Of the plan, what is about this home; other people of this machine may have open ones. */
async function planned(stand: Stand, home: string): Promise<string[]> {
  const { json, stderr } = await stand.bulkhead(['plan', '--json']);
  assert.ok(json, stderr);
  return (json as { steps: string[] }).steps.filter((step) => step.includes(`home ${home}:`));
}

async function done(stand: Stand, ...args: string[]): Promise<void> {
  const { status, stdout, stderr } = await stand.bulkhead(args);
  assert.equal(status, 0, stdout + stderr);
}

test('an open home is closed while an agent lives on the host’s own files, and is as it was afterwards', {
  skip: NOT_ROOT,
}, async () => {
  const closing = (home: string, was: string, is: string): string[] => [
    `+ closed home ${home}: others could enter it, mode 0${was} becomes 0${is}`,
  ];
  const opening = (home: string, is: string, was: string): string[] => [
    `- closed home ${home}: mode 0${is} goes back to 0${was}`,
  ];
  await withPerson((home) =>
    withHostNet((host) =>
      withFleet(
        BOXED,
        async (stand) => {
          chmodSync(home, 0o755);
          assert.deepEqual(await planned(stand, home), [], 'an agent in a sandbox does not see it');

          stand.write(FLEET);
          assert.deepEqual(await planned(stand, home), closing(home, '755', '750'));
          assert.equal(mode(home), '755', 'a plan changes nothing');
          await done(stand, 'up');
          assert.equal(mode(home), '750');
          assert.deepEqual(await planned(stand, home), []);

          chmodSync(home, 0o711);
          assert.deepEqual(await planned(stand, home), closing(home, '711', '710'), 'opened again by its owner');
          await done(stand, 'up');
          assert.equal(mode(home), '710');

          stand.write(BOXED);
          assert.deepEqual(await planned(stand, home), opening(home, '710', '711'), 'nobody is left to keep out');
          await done(stand, 'up');
          assert.equal(mode(home), '711');

          stand.write(FLEET);
          await done(stand, 'up');
          chmodSync(home, 0o700);
          await done(stand, 'down');
          assert.equal(mode(home), '700', 'what its owner has changed since stays');

          chmodSync(home, 0o755);
          await done(stand, 'up');
          assert.equal(mode(home), '750');
          await done(stand, 'down', '--purge');
          assert.equal(mode(home), '755');
        },
        { up: false, inside: host.inside },
      ),
    ),
  );
});
