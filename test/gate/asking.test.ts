import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeTree } from '../../src/host/files/mounts.ts';
import { SOCK_STREAM, socketPair } from '../../src/host/pipes.ts';
import type { QuestionState } from '../../src/model/question.ts';
import { Asking } from '../../src/programs/gate/asking.ts';
import { Copies } from '../../src/programs/gate/copies.ts';
import type { Asked, ToHot } from '../../src/programs/gate/messages.ts';
import { Client } from '../../src/wire/client.ts';

/** A gate's main thread, whose warden says `asked` to every question, as number 3.
 *  @param atOnce  how that question is answered in the same breath */
function place(
  t: TestContext,
  atOnce?: QuestionState,
): {
  asking: Asking;
  copies: Copies;
  file: string;
  pins: string;
  said: ToHot[];
  asks: unknown[];
} {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-asking-'));
  const [pins, file] = [`${folder}/pins`, `${folder}/tool`];
  mkdirSync(pins);
  writeFileSync(file, 'a program');
  const { ours, theirs } = socketPair(SOCK_STREAM);
  const [gate, warden] = [new Client(new Socket({ fd: ours })), new Client(new Socket({ fd: theirs }))];
  const asks: unknown[] = [];
  warden.onNotice = (frame) => {
    asks.push(frame);
    warden.reply({ id: (frame as { id: number }).id, ok: { state: 'asked', id: 3 } });
    if (atOnce) warden.call('answered', { question: 3, state: atOnce }).catch(() => {}); // it ends with the test
  };
  const said: ToHot[] = [];
  const copies = new Copies(pins, folder, () => {});
  const asking = new Asking({ warden: gate, descriptors: -1 }, copies, new Map(), (message) => said.push(message));
  gate.onNotice = (frame) => {
    const { question, state } = frame as { question: number; state: QuestionState };
    void asking.answered(question, state);
  };
  t.after(() => {
    gate.close();
    warden.close();
    removeTree(folder);
  });
  return { asking, copies, file, pins, said, asks };
}

function asked(file: string, more: Partial<Asked> = {}): Asked {
  const program = { name: 'tool', file };
  const who = { place: 1, id: 7n, agent: 'one', pid: process.pid, listener: -1, asks: true };
  return { ...who, program, argv: ['tool'], environment: [], cwd: '/', ...more };
}

test('whoever waited is told what became of its question, and a person is named only for what a person did', async (t) => {
  const { asking, file, said } = place(t);
  for (const [state, line] of [
    ['refused', /^bulkhead: tool was refused by a person \(question 3\)$/],
    ['expired', /^bulkhead: tool is refused: nobody answered question 3 in time$/],
    ['withdrawn', /^bulkhead: tool is refused: question 3 was withdrawn$/],
  ] as const) {
    await asking.ask(asked(file));
    await asking.answered(3, state);
    const last = said.at(-1);
    assert.match(last?.do === 'refuse' ? last.line : '', line, state);
  }
  await asking.ask(asked(file));
  const before = said.length;
  await asking.answered(3, 'used');
  assert.equal(said.length, before, 'another used it up: this one asks anew');
  await asking.answered(3, 'expired');
  assert.equal(said.length, before + 1);
});

test('an answer that stands right behind the word that a person is asked is heard', async (t) => {
  const { asking, file, said } = place(t, 'refused');
  await asking.ask(asked(file));
  const last = said.at(-1);
  assert.match(
    last?.do === 'refuse' ? last.line : 'it waits',
    /^bulkhead: tool was refused by a person \(question 3\)$/,
  );
});

test('an own program whose copy is gone is refused, and nobody is asked for it', async (t) => {
  const { asking, copies, pins, said, asks } = place(t);
  writeFileSync(`${pins}/own-1-1`, 'made');
  const own = await copies.own('own-1-1', 'own 1');
  copies.release('own 1'); // its stub came too late
  await asking.ask(asked('/workspace/tool', { own, made: true }));
  await sleep(20);
  const last = said.at(-1);
  assert.match(last?.do === 'refuse' ? last.line : '', /^bulkhead: tool asked too late[^\n]*; run it again$/);
  assert.deepEqual(asks, []);
});
