import assert from 'node:assert/strict';
import { chownSync, mkdirSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { PRELUDE } from '../../src/drill/prelude.ts';
import { DAEMONIZE } from '../../src/drill/processes/daemonize.ts';
import { SPARE_UID } from '../../src/drill/spare-uid.ts';
import { said } from '../../src/drill/verdict.ts';
import { type NextDoor, nextDoor } from '../../src/host/arena/next-door.ts';
import { launch } from '../../src/host/launch.ts';
import { removeTree } from '../../src/host/mounts.ts';
import { MASKED } from '../../src/tiers/masks.ts';
import { type Standing, standUp } from './standing.ts';
import { ATTACKS, type Trying, trying } from './trying.ts';

const OPERATOR = 1234;

let door: NextDoor;
let standing: Standing;
let tries: Trying;
let folder: string;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bulkhead-shared-'));
  for (const name of ['', '.git', '.git/hooks', '.git/objects', '.git/refs', '.claude', 'src']) {
    if (name !== '') mkdirSync(join(folder, name));
    chownSync(join(folder, name), OPERATOR, OPERATOR);
  }
  for (const name of ['.git/config', '.git/HEAD', '.git/index', '.envrc', '.bashrc']) {
    writeFileSync(join(folder, name), '# the operator\n');
    chownSync(join(folder, name), OPERATOR, OPERATOR);
  }
  door = await nextDoor(undefined, SPARE_UID, MASKED);
  standing = await standUp({
    plain: { tier: 'user' },
    sharer: { tier: 'user', workspace: { kind: 'shared', path: folder } },
    builder: {
      tier: 'user',
      exec: { sets: ['base', 'git', 'python'], allow: [], deny: [], own: 'allow', ask: 'never' },
    },
  });
  tries = trying(standing, door);
});
after(async () => {
  await standing?.close();
  await door?.close();
  removeTree(folder);
});

// One with a workspace of its own is drilled whole, network and all, in test/e2e/drill.test.ts.
test('in tier user over a folder of the operator, every attack that it is to hold is held', async () => {
  assert.deepEqual(await tries.notHeld('sharer'), []);
});

test('in tier user that runs what it builds, nothing runs but that', async () => {
  assert.deepEqual(await tries.notHeld('builder', ({ wall }) => wall === 'exec'), []);
});

test('what tier user is said not to hold really succeeds there: nothing is left out of the drill without need', async () => {
  const held: string[] = [];
  for (const attack of ATTACKS.filter(({ tiers }) => !tiers.includes('user'))) {
    const { word, text } = await tries.inside('plain', attack);
    if (word !== 'done') held.push(`${attack.id}: ${word} ${text}`);
  }
  assert.deepEqual(held, []);
});

test('while commands start in a loop, none can be caught before it is confined', async () => {
  const compartment = standing.compartments.get('plain') ?? assert.fail();
  const attack = ATTACKS.find(({ id }) => id === 'f112-weaker-neighbour') ?? assert.fail();
  let going = true;
  let started = 0;
  const starting = (async () => {
    while (going) {
      const orders = [...compartment.orders(), { do: 'arg', value: '/usr/bin/true' } as const];
      const launcher = launch('enter', orders, ['ignore', 'ignore', 'ignore']);
      assert.equal(await new Promise((resolve) => launcher.once('exit', resolve)), 0);
      started++;
    }
  })();
  const { word, text } = await tries.inside('plain', attack);
  going = false;
  await starting;
  assert.equal(word, 'refused', text);
  assert.ok(started > 10, `only ${started} commands were started`);
});

test('a process that left its session and forked twice ends with its compartment', async () => {
  const compartment = standing.compartments.get('builder') ?? assert.fail();
  const file = `${compartment.facts.workspace.path}/.drill-alive`;
  const { word, text } = said(await standing.script('builder', PRELUDE + DAEMONIZE, await tries.args('builder'), 5000));
  assert.equal(word, 'done', text);
  await wait(300);
  const early = statSync(file).size;
  await wait(300);
  assert.ok(statSync(file).size > early, 'it is not alive even before: the test proves nothing');
  await compartment.stop();
  const stopped = statSync(file).size;
  await wait(400);
  assert.equal(statSync(file).size, stopped);
});
