import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { apply, observe, type Recorder } from '../../src/host/apply.ts';
import { Made } from '../../src/host/files/made.ts';
import { removeTree } from '../../src/host/files/mounts.ts';
import type { Hand, Hands } from '../../src/host/hands/hand.ts';
import { describe } from '../../src/plan/describe.ts';
import { identity, type Resource } from '../../src/plan/resource.ts';
import { planSteps, type Step } from '../../src/plan/step.ts';
import { machineOf, resourcesOf, STUDIO } from '../plan/studio.ts';

/** A machine in memory, whose hands can fail at one of their movements: before it, or with it half done. */
class Machine {
  readonly there = new Map<string, Resource>();
  left = Number.POSITIVE_INFINITY;
  error: () => Error = () => new Error('killed');

  get hands(): Hands {
    const hand: Hand<Resource> = {
      observe: (what) => this.there.get(identity(what)),
      make: (what) => this.#move(() => this.there.set(identity(what), what)),
      change: (what) => this.#move(() => this.there.set(identity(what), what)),
      remove: (what) => this.#move(() => this.there.delete(identity(what))),
    };
    return new Proxy({}, { get: () => hand }) as Hands;
  }

  #move(act: () => unknown): void {
    if (this.left === 0) throw this.error();
    act();
    this.left -= 1;
    if (this.left === 0.5) throw this.error();
  }
}

const silent: Recorder = { begin: async () => {}, end: async () => {}, failed: async () => {} };
const WANTED = [...machineOf('/var/lib/bulkhead', false), ...resourcesOf(STUDIO.slice(0, 2))].filter(
  ({ kind }) => kind !== 'compartment' && kind !== 'port', // a failure of these stops nothing
);

function journal(t: TestContext): Made {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-apply-'));
  t.after(() => removeTree(folder));
  return new Made(join(folder, 'made'));
}

async function planOf(machine: Machine, made: Made, wanted: readonly Resource[]): Promise<Step[]> {
  return planSteps(wanted, await observe(machine.hands, wanted, made.list()));
}

test('ended before or in the middle of any step, the journal names all that is there, and the next run finishes', async (t) => {
  for (let at = 0; at <= WANTED.length; at += 0.5) {
    const machine = new Machine();
    const made = journal(t);
    machine.left = at;
    await apply(await planOf(machine, made, WANTED), machine.hands, made, silent).catch(() => {});
    const listed = new Set(made.list().map(identity));
    for (const key of machine.there.keys()) assert.ok(listed.has(key), `${key} is there and not in the journal`);
    machine.left = Number.POSITIVE_INFINITY;
    const half = new Map(machine.there);
    await apply(await planOf(machine, made, WANTED), machine.hands, made, silent);
    assert.deepEqual(await planOf(machine, made, WANTED), []);
    machine.there.clear();
    for (const [key, what] of half) machine.there.set(key, what);
    await apply(await planOf(machine, made, []), machine.hands, made, silent);
    assert.deepEqual([...machine.there], [], 'a removal from half way leaves nothing');
  }
});

test('no record, no step: a recorder that refuses stops the plan before the step', async (t) => {
  const machine = new Machine();
  const made = journal(t);
  const steps = await planOf(machine, made, WANTED);
  let begun = 0;
  const refuses: Recorder = {
    ...silent,
    begin: async () => {
      if (++begun === 4) throw new Error('the ledger is away');
    },
  };
  await assert.rejects(apply(steps, machine.hands, made, refuses), /the ledger is away/);
  assert.equal(machine.there.size, 3);
  assert.equal(made.list().length, 3);
});

test('what failed first is what is told, also when the failure cannot be recorded', async (t) => {
  const machine = new Machine();
  const made = journal(t);
  machine.left = 2;
  const refuses: Recorder = { ...silent, failed: async () => Promise.reject(new Error('the ledger is away')) };
  await assert.rejects(apply(await planOf(machine, made, WANTED), machine.hands, made, refuses), /^Error: killed$/);
});

test('a full disk is told as one, with the step', async (t) => {
  const machine = new Machine();
  const made = journal(t);
  machine.left = 1;
  machine.error = () => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  const steps = await planOf(machine, made, WANTED);
  await assert.rejects(apply(steps, machine.hands, made, silent), (error: Error & { code?: string; exit?: number }) => {
    assert.deepEqual([error.code, error.exit], ['no-space', 3]);
    assert.ok(error.message.includes(describe(steps[1] as Step)));
    return true;
  });
});

test('whoever asked and has gone stops the plan between two steps', async (t) => {
  const machine = new Machine();
  const made = journal(t);
  const left = new AbortController();
  let ended = 0;
  const counting: Recorder = {
    ...silent,
    end: async () => {
      if (++ended === 5) left.abort();
    },
  };
  const steps = await planOf(machine, made, WANTED);
  await assert.rejects(apply(steps, machine.hands, made, counting, left.signal), { code: 'interrupted' });
  assert.equal(machine.there.size, 5);
});

test('one agent that cannot be put up does not keep the others down, and is told at the end', async (t) => {
  const machine = new Machine();
  const made = journal(t);
  const all = resourcesOf(STUDIO);
  const first = all.findIndex(({ kind }) => kind === 'compartment');
  const real = machine.hands;
  const hands = new Proxy({} as Hands, {
    get: (_, kind) => ({
      ...real[kind as Resource['kind']],
      make: (what: Resource) => {
        if (what === all[first]) throw new Error('no memory');
        machine.there.set(identity(what), what);
      },
    }),
  });
  await assert.rejects(apply(await planOf(machine, made, all), hands, made, silent), /no memory/);
  assert.equal(machine.there.size, all.length - 1);
});
