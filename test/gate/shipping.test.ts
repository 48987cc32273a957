import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { admit } from '../../src/ledger/entry.ts';
import { Journal } from '../../src/programs/gate/journal.ts';
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
    rmSync(folder, { recursive: true });
  });
  return { folder, socket, given };
}

/** What a gate does: it ships until the test is over. */
function gate(
  t: TestContext,
  { folder, socket }: { folder: string; socket: string },
): { journal: Journal; shipping: Shipping } {
  const shipping = new Shipping(folder, socket, () => {});
  const left = new AbortController();
  const over = shipping.begin(left.signal);
  t.after(() => {
    left.abort();
    return over;
  });
  return { shipping, journal: new Journal(shipping.fd, shipping.shared, shipping.next) };
}

async function until(there: () => boolean, what: string): Promise<void> {
  for (const late = Date.now() + 15_000; !there(); await sleep(20)) assert.ok(Date.now() < late, what);
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
  gate(t, at);
  await until(() => at.given.some(({ n }) => n === 6), `the ledger has ${JSON.stringify(at.given)}`);
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
