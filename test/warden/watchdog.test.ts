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

test('another is another: its silence begins anew, nobody is asked while there is none, and who came meanwhile is not ended', async (t) => {
  let [asked, who] = [0, {} as object | undefined];
  const ended: number[] = [];
  t.after(() => {
    who = undefined;
  });
  const ask = (): Promise<never> => {
    asked++;
    if (asked === 2) who = undefined;
    if (asked === 8) who = {}; // the third question to the one before
    return SILENCE;
  };
  void watch(
    () => who,
    ask,
    async () => void ended.push(asked),
    EVERY_MS,
  );
  await until(() => asked === 2);
  await sleep(5 * EVERY_MS);
  assert.equal(asked, 2);
  who = {};
  await until(() => ended.length > 1);
  assert.deepEqual(ended.slice(0, 2), [5, 11]);
});

test('what could not be done about it is tried again with the next silence', async (t) => {
  let asked = 0;
  const tried: number[] = [];
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
    () => (tried.push(asked) < 3 ? Promise.reject(new Error('no record')) : Promise.resolve()),
    EVERY_MS,
  );
  await until(() => tried.length > 3);
  assert.deepEqual(tried.slice(0, 4), [3, 4, 5, 8]);
});
