import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../src/model/failure.ts';
import { agentName } from '../../src/model/names.ts';
import type { Question } from '../../src/model/question.ts';
import { destinationSubject } from '../../src/policy/question/destination.ts';
import { FLOOD } from '../../src/policy/question/flood.ts';
import { Inbox } from '../../src/programs/warden/inbox/inbox.ts';
import { InboxStore } from '../../src/programs/warden/inbox/inbox-store.ts';

const coder = agentName('coder');
const to = (host: string) => destinationSubject(coder, { host, port: 443 });
const HOUR = 3_600_000;

async function inFolder(use: (dir: string, entries: Record<string, unknown>[]) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'bh-inbox-'));
  try {
    await use(dir, []);
  } finally {
    for (const name of readdirSync(dir)) rmSync(join(dir, name));
    rmdirSync(dir);
  }
}

function recorder(entries: Record<string, unknown>[]) {
  const take = (entry: object): void => void entries.push({ ...entry });
  return { write: async (entry: object) => take(entry), tell: take };
}

test('an unanswered question lapses by itself, and a new inbox on the same file knows all that was', () =>
  inFolder(async (dir, entries) => {
    let now = 1_000_000;
    const store = new InboxStore(join(dir, 'inbox.db'));
    const inbox = new Inbox(store, recorder(entries), () => now);
    await inbox.ask(to('a.test'), HOUR);
    await inbox.ask(to('b.test'), HOUR);
    await inbox.answer(2, true, { kind: 'always' }, 0);
    now += HOUR;
    assert.deepEqual(
      inbox.all().map(({ state }) => state),
      ['expired', 'approved'],
    );
    await assert.rejects(
      inbox.answer(1, true, { kind: 'once' }, 0),
      /Question 1 was not answered by its deadline, which is no/,
    );
    store.close();
    const again = new InboxStore(join(dir, 'inbox.db'));
    const next = new Inbox(again, recorder(entries), () => now);
    next.begin();
    await next.use(2);
    assert.deepEqual(
      next.all().map(({ id, state, uses }) => [id, state, uses]),
      [
        [1, 'expired', 0],
        [2, 'approved', 1],
      ],
    );
    assert.equal(entries.filter(({ event }) => event === 'question.expired').length, 1);
    const third = await next.ask(to('c.test'), HOUR);
    assert.equal('question' in third && third.question.id, 3, 'no number is given twice');
    again.close();
  }));

test('many that ask the same at once are one question, and many acts under one approval for one act are one act', () =>
  inFolder(async (dir, entries) => {
    const store = new InboxStore(join(dir, 'inbox.db'));
    const inbox = new Inbox(store, recorder(entries));
    await Promise.all(Array.from({ length: 50 }, () => inbox.ask(to('a.test'), HOUR)));
    assert.deepEqual(
      inbox.waiting().map(({ id, attempts }) => [id, attempts]),
      [[1, 50]],
    );
    await inbox.answer(1, true, { kind: 'once' }, 0);
    const used = await Promise.allSettled(Array.from({ length: 20 }, () => inbox.use(1)));
    assert.equal(used.filter(({ status }) => status === 'fulfilled').length, 1);
    store.close();
  }));

test('while the ledger is slow an agent cannot fill the inbox with what waits for its turn', () =>
  inFolder(async (dir, entries) => {
    const gate = Promise.withResolvers<void>();
    const slow = { ...recorder(entries), write: () => gate.promise };
    const store = new InboxStore(join(dir, 'inbox.db'));
    const inbox = new Inbox(store, slow);
    const outcomes = Array.from({ length: FLOOD.atOnce * 2 }, (_, i) => inbox.ask(to(`h${i}.test`), HOUR));
    const flooded = await Promise.race([outcomes.at(-1), sleep(5000, undefined, { ref: false })]);
    assert.equal(flooded?.state, 'flood');
    gate.resolve();
    const all = await Promise.all(outcomes);
    assert.equal(all.filter(({ state }) => state === 'asked').length, FLOOD.burst);
    assert.equal(entries.filter(({ event }) => event === 'question.flood').length, 1);
    store.close();
  }));

test('an inbox that cannot be read allows nothing, and says so', () =>
  inFolder(async (dir, entries) => {
    writeFileSync(join(dir, 'inbox.db'), 'this is no database, and long enough to be taken for one'.repeat(100));
    assert.throws(() => new InboxStore(join(dir, 'inbox.db')), /not a database/);
    const inbox = new Inbox('file is not a database', recorder(entries));
    const broken = (error: unknown): boolean => error instanceof Failure && error.code === 'inbox-broken';
    await assert.rejects(inbox.ask(to('a.test'), HOUR), broken);
    assert.throws(() => inbox.mustBeThere(), broken);
    assert.deepEqual(inbox.standing(), []);
  }));

test('a disk that is full when an answer is written leaves the question as it was', () =>
  inFolder(async (dir, entries) => {
    const store = new InboxStore(join(dir, 'inbox.db'));
    const inbox = new Inbox(store, recorder(entries));
    await inbox.ask(to('a.test'), HOUR);
    const put = store.put.bind(store);
    store.put = (_: Question) => {
      throw new Error('database or disk is full');
    };
    await assert.rejects(
      inbox.answer(1, true, { kind: 'always' }, 0),
      /The inbox cannot be used \(database or disk is full\)/,
    );
    assert.deepEqual([inbox.get(1).state, inbox.standing().length], ['asked', 0]);
    store.put = put;
    assert.equal((await inbox.answer(1, true, { kind: 'once' }, 0)).state, 'approved');
    store.close();
  }));
