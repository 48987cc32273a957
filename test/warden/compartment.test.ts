import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Compartment } from '../../src/programs/warden/compartments/compartment.ts';
import type { Surroundings } from '../../src/programs/warden/compartments/surroundings.ts';
import type { CompartmentFacts } from '../../src/tiers/facts.ts';

const FACTS = {
  agent: { name: 'coder', tier: 'sandbox' },
  network: { in: 'namespace' },
} as unknown as CompartmentFacts;
const nothing = async (): Promise<void> => {};

function around(noted: string[], more: Partial<Surroundings>): Surroundings {
  const held = { freeze: nothing, thaw: nothing, frozen: () => false, killAll: nothing, processes: () => [] };
  return {
    grip: { ...held, measured: { frozen: '', thawed: '', ended: '' } },
    ...{ connect: nothing, disconnect: nothing, placeholders: async () => ({}), mayRun: async () => undefined },
    ...{ record: nothing, tell: () => {}, watch: () => {}, unwatch: () => {} },
    log: { note: (text: string) => noted.push(text) } as unknown as Surroundings['log'],
    note: (text) => noted.push(text),
    ...more,
  };
}

const gone = async (): Promise<void> => {
  throw new Error('the connection was closed');
};

test('one that cannot be put up is put up again later, also when the gateway goes while it is cleared away', async (t) => {
  const noted: string[] = [];
  const mustHold = async (): Promise<void> => {
    throw new Error('no packet filter');
  };
  const compartment = new Compartment(FACTS, 'd', around(noted, { mustHold, disconnect: gone }));
  t.after(() => compartment.stop().catch(() => {})); // clears its timer
  await assert.rejects(compartment.start(), { code: 'no-compartment', message: /no packet filter/ });
  assert.deepEqual([compartment.state, compartment.why], ['failed', 'no packet filter']);
  assert.match(noted.join('\n'), /put up again in \d+ ms/);
  assert.match(noted.join('\n'), /coder: the gateway did not hear: the connection was closed/);
});

test('who stops one needs no gateway for it', async () => {
  const noted: string[] = [];
  const compartment = new Compartment(FACTS, 'd', around(noted, { disconnect: gone }));
  await compartment.stop();
  assert.equal(compartment.state, 'stopped');
  assert.match(noted.join(), /coder: the gateway did not hear: the connection was closed/);
});

test('who stops one is told of a process that outlives it; what is tried again by itself is tried again', async (t) => {
  const noted: string[] = [];
  const killAll = async (): Promise<void> => {
    throw new Error('1 process is still there');
  };
  const { grip, ...rest } = around(noted, { mustHold: gone });
  const compartment = new Compartment(FACTS, 'd', { ...rest, grip: { ...grip, killAll } });
  t.after(() => compartment.stop().catch(() => {}));
  await assert.rejects(compartment.stop(), /still there/);
  await assert.rejects(compartment.start(), { code: 'no-compartment' });
  assert.match(noted.join('\n'), /coder: not all of it could be ended: 1 process is still there/);
  assert.match(noted.join('\n'), /put up again in \d+ ms/);
});
