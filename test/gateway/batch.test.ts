import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../../src/model/failure.ts';
import { Batch } from '../../src/programs/gateway/record/batch.ts';
import type { Entry, Strength } from '../../src/programs/gateway/record/record.ts';

type Sent = { readonly events: string[]; readonly strength: Strength };

/** @param answer  what the ledger does with a request */
function batch(answer: (entries: readonly Entry[]) => Promise<unknown> = async () => {}): { it: Batch; sent: Sent[] } {
  const sent: Sent[] = [];
  const it = new Batch((entries, strength) => {
    sent.push({ events: entries.map(({ event }) => event), strength });
    return answer(entries);
  });
  return { it, sent };
}

test('what is appended in one turn goes in one request, in its order, and each strength in its own', async () => {
  const { it, sent } = batch();
  await Promise.all([
    it.append([{ event: 'a' }], 'accepted'),
    it.append([{ event: 'b' }, { event: 'c' }], 'accepted'),
    it.append([{ event: 'd' }], 'acknowledged'),
    it.append([{ event: 'e' }], 'accepted'),
  ]);
  assert.deepEqual(sent, [
    { events: ['a', 'b', 'c'], strength: 'accepted' },
    { events: ['d'], strength: 'acknowledged' },
    { events: ['e'], strength: 'accepted' },
  ]);
});

test('nobody is told that an entry was written before the request that holds it is answered', async () => {
  const held = Promise.withResolvers<void>();
  const { it, sent } = batch(() => held.promise);
  let told = false;
  const appended = it.append([{ event: 'a' }], 'accepted').then(() => {
    told = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual([sent.length, told], [1, false]);
  held.resolve();
  await appended;
});

test('a malformed entry is refused alone; a ledger that writes nothing refuses all', async () => {
  const malformed = new Failure('bad-entry', 'it is not good', 'mend it', 1);
  const one = batch(async (entries) => {
    if (entries.some(({ event }) => event === 'bad')) throw malformed;
  });
  const outcomes = await Promise.allSettled(['a', 'bad', 'c'].map((event) => one.it.append([{ event }], 'accepted')));
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  const none = batch(() => Promise.reject(new Failure('record-failed', 'the disk is full', 'make room', 1)));
  const all = await Promise.allSettled(['a', 'b'].map((event) => none.it.append([{ event }], 'accepted')));
  assert.deepEqual(
    all.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  assert.equal(none.sent.length, 1);
});

test('what nobody waits for goes with the next append, or alone soon', async () => {
  const { it, sent } = batch();
  const ended = it.appendSoon([{ event: 'closed' }]);
  await Promise.all([it.append([{ event: 'allowed' }], 'accepted'), ended]);
  assert.deepEqual(sent.splice(0), [{ events: ['closed', 'allowed'], strength: 'accepted' }]);
  let soonest = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 10 && soonest >= 500; tries++) {
    sent.length = 0;
    const begun = performance.now();
    await it.appendSoon([{ event: 'closed' }]);
    soonest = Math.min(soonest, performance.now() - begun);
    assert.deepEqual(sent, [{ events: ['closed'], strength: 'accepted' }]);
  }
  assert.ok(soonest < 500, `${soonest} ms`);
});

test('a thousand appends of one turn are no request of unlimited length', async () => {
  const { it, sent } = batch();
  await Promise.all(Array.from({ length: 1000 }, () => it.append([{ event: 'a' }], 'accepted')));
  assert.equal(sent.flatMap(({ events }) => events).length, 1000);
  assert.ok(Math.max(...sent.map(({ events }) => events.length)) <= 256);
});
