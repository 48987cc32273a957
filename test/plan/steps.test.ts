import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { WantedAgent } from '../../src/model/fleet.ts';
import { describe } from '../../src/plan/describe.ts';
import { identity, type Resource } from '../../src/plan/resource.ts';
import { after, planSteps, type Step } from '../../src/plan/step.ts';
import { agent, machineOf, resourcesOf, STUDIO } from './studio.ts';

const SEED = 20_261_121;
const MIB = 2 ** 20;
const kinds = [...machineOf('/var/lib/bulkhead', true), ...resourcesOf(STUDIO)];

/** Any fleet of up to four agents, each a little different. */
const fleets: fc.Arbitrary<readonly WantedAgent[]> = fc
  .subarray(['clerk', 'librarian', 'builder', 'herald'], { minLength: 0 })
  .chain((names) =>
    fc.tuple(
      ...names.map((name, i) =>
        fc
          .record({
            memory: fc.constantFrom(128, 256),
            disk: fc.constantFrom(64, 128),
            port: fc.boolean(),
            shared: fc.boolean(),
          })
          .map(({ memory, disk, port, shared }) =>
            agent(name, {
              limits: { memory: memory * MIB, processes: 64, cpu: 100, disk: disk * MIB },
              ports: port ? [8000 + i] : [],
              workspace: shared ? { kind: 'shared', path: `/home/you/${name}` } : { kind: 'own' },
            }),
          ),
      ),
    ),
  );

test('from any half-done machine, planning again ends in the empty plan', () => {
  const way = fc.array(fc.tuple(fleets, fc.nat(60)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(way, fleets, (tries, last) => {
      let there: Resource[] = [];
      for (const [agents, steps] of tries)
        there = planSteps(resourcesOf(agents), there).slice(0, steps).reduce(after, there);
      const wanted = resourcesOf(last);
      const finished = planSteps(wanted, there).reduce(after, there);
      assert.deepEqual(planSteps(wanted, finished), []);
      const sorted = (list: readonly Resource[]): string[] => list.map((each) => JSON.stringify(each)).sort();
      assert.deepEqual(sorted(finished), sorted(wanted));
    }),
    { seed: SEED, numRuns: 400 },
  );
});

test('a removal never comes after what is made, and goes from the last made to the first', () => {
  fc.assert(
    fc.property(fleets, fleets, (before, next) => {
      const present = resourcesOf(before);
      const steps = planSteps(resourcesOf(next), present);
      const removals = steps.filter((step) => step.do === 'remove');
      assert.deepEqual(steps.slice(0, removals.length), removals);
      const places = removals.map(({ what }) => present.findIndex((other) => identity(other) === identity(what)));
      assert.deepEqual(
        places,
        [...places].sort((a, b) => b - a),
      );
    }),
    { seed: SEED, numRuns: 200 },
  );
});

test('a disk is never removed while its agent stays, whatever size is wanted', () => {
  fc.assert(
    fc.property(fleets, fleets, (before, next) => {
      const staying = new Set(next.map(({ name }) => `disk /var/lib/bulkhead/agents/${name}/disk`));
      const lost = planSteps(resourcesOf(next), resourcesOf(before)).filter(
        (step) => step.do === 'remove' && staying.has(identity(step.what)),
      );
      assert.deepEqual(lost, []);
    }),
    { seed: SEED, numRuns: 200 },
  );
});

test('a disk that is not mounted is mounted, not made, and removed with its agent', () => {
  const clerk = resourcesOf(STUDIO.slice(0, 1));
  const unmounted = clerk.map((what): Resource => (what.kind === 'disk' ? { ...what, unmounted: true } : what));
  assert.deepEqual(
    planSteps(clerk, unmounted).map(({ do: how, what }) => `${how} ${what.kind}`),
    ['change disk'],
  );
  assert.ok(planSteps([], unmounted).some((step) => step.do === 'remove' && step.what.kind === 'disk'));
});

test('every resource has an identity of its own', () => {
  const all = kinds.map(identity);
  assert.equal(new Set(all).size, all.length);
});

test('every step of every kind has one line of words, and no two the same', () => {
  const steps = kinds.flatMap((what): Step[] => [
    { do: 'make', what },
    { do: 'change', what, was: what },
    { do: 'remove', what },
  ]);
  const words = steps.map(describe);
  assert.equal(new Set(words).size, words.length);
  for (const line of words) assert.match(line, /^[+~-] \S[^\n]*$/);
});
