import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mock, test } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import { agentName } from '../../src/model/names.ts';
import { Compartment } from '../../src/programs/gateway/compartment.ts';
import type { Entry } from '../../src/programs/gateway/record/record.ts';

// What a person hears of one agent: a finding once a minute, whatever the agent does; the record has all of it.

const MINUTE_MS = 60_000;

async function inCompartment(use: (compartment: Compartment, told: string[]) => void): Promise<Entry[]> {
  const dir = mkdtempSync(join(tmpdir(), 'bulkhead-told-'));
  const entries: Entry[] = [];
  const append = async (some: readonly Entry[]): Promise<void> => void entries.push(...some);
  mock.timers.enable({ apis: ['Date'], now: 1_800_000_000_000 });
  try {
    const compartment = new Compartment(agentName('coder'), dir, { append, appendSoon: append });
    use(compartment, []);
    await compartment.settle();
    return entries;
  } finally {
    mock.timers.reset();
    removeTree(dir);
  }
}

test('what is stopped for what it would use is told once a minute for each kind, whatever the agent puts into it', async () => {
  const entries = await inCompartment((compartment, told) => {
    const stop = (kind: 'loop' | 'model', text: string): void =>
      compartment.overused(kind, { path: `/${text}` }, text, (agent, said) => told.push(`${agent} ${said}`));
    for (const text of ['one', 'two', 'three']) stop('loop', text);
    stop('model', 'unpriced');
    assert.deepEqual(told, ['coder one', 'coder unpriced']);
    mock.timers.tick(MINUTE_MS - 1);
    stop('loop', 'early');
    mock.timers.tick(1);
    stop('loop', 'later');
    assert.deepEqual(told.slice(2), ['coder later']);
  });
  assert.equal(entries.filter(({ event }) => event === 'budget.stopped').length, 6);
});

test('the same misuse is one finding a minute; at another place, or of another kind, it is another', async () => {
  const entries = await inCompartment((compartment, told) => {
    const misuse = (host: string, why: string): void =>
      compartment.misused({ host, port: 443, why, path: `/${told.length}` }, (_, said) => told.push(said));
    for (const [host, why] of [
      ['a.test', 'misplaced'],
      ['a.test', 'misplaced'],
      ['b.test', 'misplaced'],
      ['a.test', 'foreign'],
      ['b.test', 'misplaced'],
    ] as const)
      misuse(host, why);
    assert.deepEqual(told, ['misplaced: to a.test:443', 'misplaced: to b.test:443', 'foreign: to a.test:443']);
    mock.timers.tick(MINUTE_MS);
    misuse('a.test', 'misplaced');
    assert.equal(told.length, 4);
  });
  assert.equal(entries.filter(({ event }) => event === 'secret.misused').length, 6);
});
