import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { watch } from '../../src/programs/warden/programs/watchdog.ts';

const EVERY_MS = 20;
const SILENCE = new Promise<never>(() => {});

/** Watches somebody who answers as told, question by question, and from then on as the last time. When the test ends there is nobody more. */
function watched(
  t: TestContext,
  ...said: readonly ('answers' | 'refuses' | 'silent')[]
): {
  asked: number;
  ended: number[];
  who: object | undefined;
} {
  const state = { asked: 0, ended: [] as number[], who: {} as object | undefined };
  const ask = (): Promise<unknown> => {
    const how = said[Math.min(state.asked++, said.length - 1)];
    if (how === 'silent') return SILENCE;
    return how === 'answers' ? Promise.resolve() : Promise.reject(new Error('closed'));
  };
  t.after(() => {
    state.who = undefined;
  });
  void watch(
    () => state.who,
    ask,
    async () => void state.ended.push(state.asked),
    EVERY_MS,
  );
  return state;
}

async function until(condition: () => boolean): Promise<void> {
  for (const late = Date.now() + 60_000; !condition(); await sleep(EVERY_MS)) assert.ok(Date.now() < late);
}

test('only who is silent three times in a row hangs; who refuses, or answers in between, does not', async (t) => {
  const good = watched(t, 'answers', 'refuses', 'silent', 'silent', 'answers', 'silent', 'silent', 'refuses');
  const bad = watched(t, 'answers', 'silent');
  await until(() => good.asked > 10 && bad.ended.length > 1);
  assert.deepEqual([good.ended, bad.ended.slice(0, 2)], [[], [4, 7]]);
});

test('another is another: its silence begins anew, and nobody is asked while there is none', async (t) => {
  const state = watched(t, 'silent');
  await until(() => state.asked === 2);
  state.who = undefined;
  await sleep(5 * EVERY_MS);
  assert.equal(state.asked, 2);
  state.who = {};
  await until(() => state.ended.length > 0);
  assert.equal(state.ended[0], 5);
});

test('what could not be done about it is tried again with the next silence', async (t) => {
  let [asked, tried] = [0, 0];
  let there: true | undefined = true;
  t.after(() => {
    there = undefined;
  });
  void watch(
    () => there,
    () => {
      asked++;
      return SILENCE;
    },
    () => (++tried < 3 ? Promise.reject(new Error('no record')) : Promise.resolve()),
    EVERY_MS,
  );
  await until(() => tried === 3);
  assert.equal(asked, 5);
});
