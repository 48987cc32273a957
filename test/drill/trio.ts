import assert from 'node:assert/strict';
import { chownSync, mkdirSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Attack } from '../../src/drill/attack.ts';
import { PRELUDE } from '../../src/drill/prelude.ts';
import { DAEMONIZE } from '../../src/drill/processes/daemonize.ts';
import { SPARE_UID } from '../../src/drill/spare-uid.ts';
import { said } from '../../src/drill/verdict.ts';
import { nextDoor } from '../../src/host/arena/next-door.ts';
import { removeTree } from '../../src/host/files/mounts.ts';
import { launch } from '../../src/host/launch/launch.ts';
import { MASKED } from '../../src/tiers/masks.ts';
import { type Standing, standUp } from './standing.ts';
import { ATTACKS, type Trying, trying } from './trying.ts';

/** Three compartments of one tier: `plain`; `sharer`, over a folder of the operator; `builder`, which runs what it builds. */
export interface Trio extends Pick<Standing, 'compartments' | 'script'>, Trying {
  close(): Promise<void>;
}

const OPERATOR = 1234;

export async function trio(tier: 'sandbox' | 'user'): Promise<Trio> {
  const closers: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const folder = operatorsFolder();
    closers.push(() => removeTree(folder));
    const door = await nextDoor(undefined, SPARE_UID, MASKED);
    closers.push(() => door.close());
    const standing = await standUp({
      plain: { tier },
      sharer: { tier, workspace: { kind: 'shared', path: folder } },
      builder: { tier, exec: { sets: ['base', 'git', 'python'], allow: [], deny: [], own: 'allow', ask: 'never' } },
    });
    closers.push(() => standing.close());
    return { compartments: standing.compartments, script: standing.script, ...trying(standing, door), close };
  } catch (error) {
    await close();
    throw error;
  }
}

function operatorsFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-shared-'));
  for (const name of ['', '.git', '.git/hooks', '.git/objects', '.git/refs', '.claude', 'src']) {
    if (name !== '') mkdirSync(join(folder, name));
    chownSync(join(folder, name), OPERATOR, OPERATOR);
  }
  for (const name of ['.git/config', '.git/HEAD', '.git/index', '.envrc', '.bashrc']) {
    writeFileSync(join(folder, name), '# the operator\n');
    chownSync(join(folder, name), OPERATOR, OPERATOR);
  }
  return folder;
}

export function attackOf(id: string): Attack {
  return ATTACKS.find((attack) => attack.id === id) ?? assert.fail(id);
}

/** While commands start in a loop, none can be caught before it is confined. */
export async function noneIsCaught(three: Trio): Promise<void> {
  const compartment = three.compartments.get('plain') ?? assert.fail();
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
  const words: string[] = [];
  // Where the machine is slow they are watched again: none is ever caught, and some are to be seen.
  for (let tries = 0; tries < 5 && started <= 3; tries++) {
    const { word, text } = await three.inside('plain', attackOf('f112-weaker-neighbour'));
    words.push(word === 'refused' ? word : `${word} ${text}`);
  }
  going = false;
  await starting;
  assert.deepEqual([...new Set(words)], ['refused']);
  assert.ok(started > 3, `only ${started} commands were started`);
}

/** A process that left its session and forked twice ends with its compartment, `builder`, which is down afterwards. */
export async function noneOutlives(three: Trio): Promise<void> {
  const compartment = three.compartments.get('builder') ?? assert.fail();
  const file = `${compartment.facts.workspace.path}/.drill-alive`;
  const { word, text } = said(await three.script('builder', PRELUDE + DAEMONIZE, await three.args('builder'), 60_000));
  assert.equal(word, 'done', text);
  const size = (): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  const early = size();
  // It lives for 400 times 50 ms at least: if it does not grow by then, it is not alive even before, and the test proves nothing.
  for (const late = Date.now() + 20_000; size() < early + 2; await wait(20)) assert.ok(Date.now() < late, 'not alive');
  await compartment.stop();
  const stopped = size();
  await wait(400);
  assert.equal(size(), stopped);
}
