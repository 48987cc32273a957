import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { describe } from '../../src/plan/describe.ts';
import type { Resource } from '../../src/plan/resource.ts';
import { planSteps } from '../../src/plan/step.ts';
import { wardenUnit } from '../../src/plan/unit.ts';
import { agent, machineOf, resourcesOf, STUDIO } from './studio.ts';

/** UPDATE_GOLDEN=1 writes them anew; what changed is then read in the diff. */
function golden(name: string, text: string): void {
  const path = new URL(`../golden/${name}`, import.meta.url);
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(path, text);
  assert.equal(text, readFileSync(path, 'utf8'));
}

function plan(wanted: readonly Resource[], present: readonly Resource[]): string {
  return planSteps(wanted, present)
    .map((step) => `${describe(step)}\n`)
    .join('');
}

test('the plan of a first up, in words', () => {
  golden('plan-machine.txt', plan(machineOf('/var/lib/bulkhead', false), []));
  golden('plan-studio.txt', plan(resourcesOf(STUDIO), []));
});

test('a machine with systemd gets a unit, as the last thing before the fleet', () => {
  const [unit, ...none] = planSteps(machineOf('/var/lib/bulkhead', true), machineOf('/var/lib/bulkhead', false));
  assert.deepEqual(none, []);
  golden('unit-default.txt', unit?.what.kind === 'unit' ? unit.what.text : '');
});

test('what systemd would read in a name stands for itself in the unit', () => {
  const unit = wardenUnit({ name: 'bulkhead-x.service', home: '/srv/a b/lib/1', state: '/srv/a b/100%n/$HOME"\\' });
  golden('unit-odd-names.txt', unit.text);
});

test('the plan of changes: less memory, more disk, another egress, one hired, one let go', () => {
  const [clerk, librarian, builder] = STUDIO;
  if (!clerk || !librarian || !builder) throw new Error('three');
  const changed = [
    { ...clerk, limits: { ...clerk.limits, memory: 256 * 2 ** 20, disk: 512 * 2 ** 20 } },
    { ...builder, egress: [] },
    agent('herald'),
  ];
  golden('plan-studio-changed.txt', plan(resourcesOf(changed), resourcesOf(STUDIO)));
});

test('the plan after a reboot mounts the disks and makes what the kernel forgot, and touches nothing stored', () => {
  const forgotten = new Set(['cgroup', 'netns', 'compartment', 'port', 'policy']);
  const present = resourcesOf(STUDIO)
    .filter(({ kind, ...rest }) => !forgotten.has(kind) && !('path' in rest && /\/disk\/./.test(String(rest.path))))
    .map((resource): Resource => (resource.kind === 'disk' ? { ...resource, unmounted: true } : resource));
  golden('plan-studio-reboot.txt', plan(resourcesOf(STUDIO), present));
});

test('the plan of an upgrade: another copy, the old one away', () => {
  const state = '/var/lib/bulkhead';
  golden('plan-upgrade.txt', plan(machineOf(state, true, '0.2.0'), machineOf(state, true, '0.1.0')));
});

test('another state shares no name with the default one', () => {
  const names = (state: string): Set<string> =>
    new Set(machineOf(state, true).flatMap((what) => ('name' in what ? what.name : 'path' in what ? what.path : [])));
  const [one, other] = [names('/var/lib/bulkhead'), names('/var/lib/other')];
  assert.deepEqual(
    [...one].filter((name) => other.has(name)),
    [],
  );
});
