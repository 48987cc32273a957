import assert from 'node:assert/strict';
import { mkdirSync, rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { type CgroupRoots, observeCgroups, unifiedFolder } from '../../src/host/cgroup/cgroup-roots.ts';
import { keptToLoopback, releaseFromLoopback } from '../../src/host/cgroup/loopback-only.ts';
import type { Hand, Of } from '../../src/host/hands/hand.ts';
import { deadEndHand, hostRulesHand } from '../../src/host/hands/host-network.ts';
import { FAMILIES, lookAtRouting } from '../../src/host/net/dead-end.ts';
import { netnsPath, within } from '../../src/host/net/netns.ts';
import { runTool } from '../../src/host/processes/command.ts';
import type { Resource } from '../../src/plan/resource.ts';
import { numbersOf } from '../../src/tiers/host-net.ts';

const NOT_ROOT = process.getuid?.() === 0 ? false : 'namespaces and cgroups need root';
const UID = 48_980;
const KNOWN = { wanted: true, made: true };

/** A network namespace that plays the host, and cgroups of a fleet nobody has. */
async function withHost(use: (roots: CgroupRoots, fleet: string) => void): Promise<void> {
  const roots = observeCgroups();
  const name = `bhth${process.pid}`;
  const fleet = `bulkhead/${name}`;
  const folders = ['ann', 'ben'].map((agent) => unifiedFolder(roots, `${fleet}/${agent}`) ?? '');
  runTool('ip', ['netns', 'add', name]);
  try {
    for (const folder of folders) mkdirSync(folder, { recursive: true });
    within(netnsPath(name), () => {
      runTool('ip', ['link', 'set', 'lo', 'up']);
      use(roots, fleet);
    });
  } finally {
    runTool('ip', ['netns', 'delete', name]);
    for (const folder of [...folders, dirname(folders[0] ?? '')]) rmdirSync(folder);
  }
}

function rulesOf(table: string, fleet: string): Of<'host-rules'> {
  return {
    ...{ kind: 'host-rules', table, cgroup: fleet },
    agents: [
      { uid: UID, cgroup: `${fleet}/ann`, ports: [8080, 9000] },
      { uid: UID + 1, cgroup: `${fleet}/ben`, ports: [] },
    ],
  };
}

/** These hands answer at once. */
function seen<R extends Resource>(hand: Hand<R>, what: R): R | undefined {
  return hand.observe(what, KNOWN) as R | undefined;
}

test('a dead end that was left half way, by whatever step, is made whole by one change and leaves nothing', {
  skip: NOT_ROOT,
}, async () => {
  await withHost((roots, fleet) => {
    const hand = deadEndHand(roots);
    const what: Of<'dead-end'> = { kind: 'dead-end', uid: UID, cgroup: `${fleet}/ann` };
    const folder = unifiedFolder(roots, what.cgroup) ?? '';
    const rule = ['rule', 'del', 'pref', '0', 'uidrange', `${UID}-${UID}`];
    const table = `${numbersOf(UID).table}`;
    const undo: readonly (() => void)[] = [
      () => releaseFromLoopback(folder),
      ...FAMILIES.flatMap((family) => [
        () => void runTool('ip', [family, ...rule, 'lookup', table]),
        () => void runTool('ip', [family, ...rule, 'unreachable']),
        () => void runTool('ip', [family, 'route', 'flush', 'table', table]),
      ]),
    ];
    const before = JSON.stringify(lookAtRouting());
    assert.equal(seen(hand, what), undefined);
    // Every subset of its seven parts: whatever was done when it was killed.
    for (let parts = 0; parts < 2 ** undo.length; parts += parts === 0 ? 1 : 9) {
      hand.make(what);
      assert.deepEqual(seen(hand, what), what);
      for (const [at, step] of undo.entries()) if (parts & (1 << at)) step();
      if (parts > 0 && parts < 2 ** undo.length - 1)
        assert.ok((seen(hand, what)?.missing ?? []).length > 0, `${parts.toString(2)} is noticed`);
      hand.change?.(what, what);
      assert.deepEqual(seen(hand, what), what, `${parts.toString(2)} is mended`);
      for (const [at, step] of undo.entries()) if (parts & (1 << at)) step();
      hand.remove(what);
      assert.equal(seen(hand, what), undefined);
      assert.equal(JSON.stringify(lookAtRouting()), before);
      assert.equal(keptToLoopback(folder), false);
    }
  });
});

test('making it twice makes it once', { skip: NOT_ROOT }, async () => {
  await withHost((roots, fleet) => {
    const hand = deadEndHand(roots);
    const what: Of<'dead-end'> = { kind: 'dead-end', uid: UID, cgroup: `${fleet}/ann` };
    hand.make(what);
    const once = JSON.stringify(lookAtRouting());
    hand.make(what);
    assert.equal(JSON.stringify(lookAtRouting()), once);
    hand.remove(what);
    hand.remove(what);
    assert.equal(seen(hand, what), undefined);
  });
});

test('the packet filter is known again, and any other is not taken for it', { skip: NOT_ROOT }, async () => {
  await withHost((roots, fleet) => {
    const hand = hostRulesHand(roots);
    const what = rulesOf('bulkhead_test', fleet);
    const [ann] = what.agents;
    assert.ok(ann);
    assert.equal(seen(hand, what), undefined);
    hand.make(what);
    for (let n = 0; n < 5; n++) assert.deepEqual(seen(hand, what), what);
    for (const other of [
      { ...what, agents: [ann] },
      { ...what, agents: [{ ...ann, ports: [] }, ...what.agents.slice(1)] },
      { ...what, agents: [{ ...ann, cgroup: `${fleet}/ben` }, ...what.agents.slice(1)] },
    ])
      assert.equal(seen(hand, other)?.altered, true);
    for (const change of [
      ['insert', 'rule', 'inet', 'bulkhead_test', 'leave', 'accept'],
      ['flush', 'chain', 'inet', 'bulkhead_test', 'arrive'],
      ['add', 'chain', 'inet', 'bulkhead_test', 'more'],
    ]) {
      runTool('nft', change);
      assert.equal(seen(hand, what)?.altered, true, change.join(' '));
      hand.change?.(what, what);
      assert.deepEqual(seen(hand, what), what);
    }
    runTool('nft', ['flush', 'ruleset']);
    assert.equal(seen(hand, what), undefined);
  });
});

test('a cgroup that was made anew under the same name is another', { skip: NOT_ROOT }, async () => {
  await withHost((roots, fleet) => {
    const hand = hostRulesHand(roots);
    const what = rulesOf('bulkhead_test', fleet);
    hand.make(what);
    const folder = unifiedFolder(roots, `${fleet}/ben`) ?? '';
    rmdirSync(folder);
    assert.equal(seen(hand, what)?.altered, true);
    mkdirSync(folder);
    assert.equal(seen(hand, what)?.altered, true);
    hand.change?.(what, what);
    assert.deepEqual(seen(hand, what), what);
  });
});

test('two states and a stranger have a table each, and none touches another', { skip: NOT_ROOT }, async () => {
  await withHost((roots, fleet) => {
    const hand = hostRulesHand(roots);
    const [one, two] = [rulesOf('bulkhead_one', fleet), rulesOf('bulkhead_two', fleet)];
    runTool('nft', ['add', 'table', 'inet', 'bulkhead_on']);
    hand.make(one);
    hand.make(two);
    hand.remove(one);
    assert.equal(seen(hand, one), undefined);
    assert.deepEqual(seen(hand, two), two);
    hand.remove(two);
    hand.remove(two);
    assert.equal(runTool('nft', ['list', 'tables']).trim(), 'table inet bulkhead_on');
  });
});

test('a table that cannot be loaded leaves the one before as it was', { skip: NOT_ROOT }, async () => {
  await withHost((roots, fleet) => {
    const hand = hostRulesHand(roots);
    const what = rulesOf('bulkhead_test', fleet);
    hand.make(what);
    assert.throws(
      () => hand.make({ ...what, agents: [{ uid: UID, cgroup: `${fleet}/nobody`, ports: [] }] }),
      /tool-failed|nft|unshare/,
    );
    assert.deepEqual(seen(hand, what), what);
  });
});
