import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeTree } from '../../src/host/files/mounts.ts';
import { admit } from '../../src/ledger/entry.ts';
import { Journal } from '../../src/programs/gate/journal.ts';
import { SHARED } from '../../src/programs/gate/journal-shared.ts';
import { Shipping } from '../../src/programs/gate/ship.ts';
import { serve } from '../../src/wire/serve.ts';

type Entry = Record<string, unknown>;

/** A gate's folder, and what a ledger on a socket in it was given. */
async function place(t: TestContext): Promise<{ folder: string; socket: string; given: Entry[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-ship-'));
  const given: Entry[] = [];
  const socket = `${folder}/socket`;
  const server = await serve({
    ...{ path: socket, mode: 0o600, who: () => 'gate' as const, onBug: () => {} },
    requests: {
      append: {
        from: ['gate'],
        answer: ({ entries }) => {
          (entries as Entry[]).forEach(admit);
          given.push(...(entries as Entry[]));
          return { index: 0 };
        },
      },
    },
  });
  t.after(() => {
    server.close();
    removeTree(folder);
  });
  return { folder, socket, given };
}

/** What a gate does: it ships until it ends, or the test is over. */
function gate(
  t: TestContext,
  { folder, socket }: { folder: string; socket: string },
): { journal: Journal; end: () => Promise<void>; sync: () => void } {
  const shipping = new Shipping(folder, socket, (message) => {
    if (message.do === 'shipped') journal.shipped(message.bytes);
  });
  const journal = new Journal(shipping.given);
  const left = new AbortController();
  const over = shipping.begin(left.signal);
  const end = (): Promise<void> => {
    left.abort();
    return over;
  };
  const words = new Int32Array(shipping.given.shared);
  const sync = (): void => void Atomics.store(words, SHARED.synced, Atomics.load(words, SHARED.written));
  t.after(end);
  return { journal, end, sync };
}

async function until(there: () => boolean, what: string): Promise<void> {
  for (const late = Date.now() + 60_000; !there(); await sleep(20)) assert.ok(Date.now() < late, what);
}

function line(n: number, more = {}): string {
  return `${JSON.stringify({ n, at: '2026-01-01T00:00:00.000Z', event: 'exec.allowed', agent: 'one', ...more })}\n`;
}

test('a line that a full disk cut off is kept aside, and what is written after it is whole', async (t) => {
  const at = await place(t);
  writeFileSync(`${at.folder}/journal`, `${line(1)}{"n":2,"ev`);
  const { journal } = gate(t, at);
  journal.write({ event: 'exec.denied', agent: 'one' });
  await until(() => at.given.length >= 2, `the ledger has ${JSON.stringify(at.given)}`);
  assert.deepEqual(
    at.given.map(({ n, event }) => [n, event]),
    [
      [1, 'exec.allowed'],
      [2, 'exec.denied'],
    ],
  );
  assert.equal(readFileSync(`${at.folder}/journal.damaged`, 'utf8'), '{"n":2,"ev\n');
});

test('a damaged line, or one that the ledger takes for none, is on record as such and holds up no other', async (t) => {
  const at = await place(t);
  const bad = ['{"n":2,"ev{"n":3,"at":"x"}\n', '{"n":"4"}\n', '\0\0\0\n', line(5, { index: 7 })];
  writeFileSync(`${at.folder}/journal`, [line(1), ...bad, line(6)].join(''));
  const { end } = gate(t, at);
  await until(() => at.given.some(({ n }) => n === 6), `the ledger has ${JSON.stringify(at.given)}`);
  await end();
  assert.deepEqual(
    at.given.map(({ n, event }) => n ?? event),
    [1, 'exec.damaged', 'exec.damaged', 'exec.damaged', 'exec.damaged', 6],
  );
  const aside = readFileSync(`${at.folder}/journal.damaged`, 'utf8').split('\n');
  assert.equal(aside.length, 5);
  appendFileSync(`${at.folder}/journal`, line(7));
  gate(t, at);
  await until(() => at.given.some(({ n }) => n === 7), 'the next gate goes on');
  assert.equal(at.given.filter(({ event }) => event === 'exec.damaged').length, 4, 'and says nothing twice');
});

/** 32 words of 256 bytes that JSON writes as six each. */
const LONG = Array.from({ length: 32 }, () => '\x01'.repeat(256));

test('one agent that floods the journal waits for the ledger, and others do not', async (t) => {
  const at = await place(t);
  const { journal, end, sync } = gate(t, at);
  await end();
  let written = 0;
  for (; journal.ready('one') && written < 5000; written++) {
    journal.write({ event: 'exec.allowed', agent: 'one', path: '\x01'.repeat(4096), argv: LONG, rule: 'by file' });
    sync();
  }
  assert.ok(written < 5000, 'there is an end');
  assert.equal(journal.ready('two'), true);
  assert.ok(statSync(`${at.folder}/journal`).size / written < 26_000, 'bytes of JSON count');
  const next = gate(t, at);
  assert.deepEqual([next.journal.ready('one'), next.journal.ready('two')], [false, true], 'nor after the next start');
  await until(() => next.journal.ready('one'), 'what the ledger has makes room');
});

test('under a load that never stops the journal stays small, and every line comes to the ledger once and in order', async (t) => {
  const at = await place(t);
  let { journal, end, sync } = gate(t, at);
  let most = 0;
  let written = 0;
  for (const over = Date.now() + 4000; Date.now() < over; await sleep(5)) {
    for (let i = 0; i < 5; i++, written++) journal.write({ event: 'exec.allowed', agent: 'one', argv: LONG });
    sync();
    most = Math.max(most, ...['journal', 'journal.2'].map((name) => statSync(`${at.folder}/${name}`).size));
    if (written % 500 !== 0) continue;
    await end();
    ({ journal, end, sync } = gate(t, at));
  }
  await until(() => at.given.length === written, `${at.given.length} of ${written}`);
  assert.deepEqual(
    at.given.map(({ n }) => n),
    Array.from({ length: written }, (_, n) => n + 1),
  );
  const all = Buffer.byteLength(JSON.stringify(at.given));
  assert.ok(all > 2 * most, `${all} bytes went through files of at most ${most}`);
});
