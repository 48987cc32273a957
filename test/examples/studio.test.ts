import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { NOT_ROOT, type Stand, withFleetBeside } from '../e2e/stand.ts';
import { STUDIO } from './mail.ts';

// The fleet of npm start, under a name of its own, in real compartments.

const file = readFileSync(join(STUDIO, 'fleet.yaml'), 'utf8');
const yaml = file.replace(/^fleet: studio.*\n/m, '');

interface Letter {
  readonly file: string;
  readonly orders: readonly { readonly command: string; readonly worked: boolean; readonly said: string }[];
}

test('the studio works, and the letter that the clerk obeys gets nowhere', { skip: NOT_ROOT }, async (t) => {
  assert.notEqual(yaml, file);
  await withFleetBeside(
    yaml,
    async (stand) => {
      for (const part of ['office', 'handbook', 'library', 'forge'])
        cpSync(join(STUDIO, part), join(stand.folder, part), { recursive: true });
      const up = await stand.bulkhead(['up']);
      assert.equal(up.status, 0, `${up.stdout}${up.stderr}`);

      await t.test('every agent does its piece of work', async () => {
        assert.match(await workOf(stand, 'clerk', 'summary.txt'), /^12 letters sorted/);
        assert.match(await workOf(stand, 'librarian', 'summary.txt'), /7 questions answered, 1 that/);
        assert.match(
          await workOf(stand, 'builder', 'summary.txt'),
          /^4 tests of the project passed\.\nBuilt a program/,
        );
      });

      await t.test('of twelve orders the clerk obeys, only the one within its own files works', async () => {
        const orders = (await letters(stand)).flatMap((letter) => letter.orders);
        assert.equal(orders.length, 12);
        assert.deepEqual(
          orders.filter((order) => order.worked).map((order) => order.command),
          ['ls -la ~ > found.txt'],
        );
        const said = (part: string): string => orders.find(({ command }) => command.includes(part))?.said ?? '';
        assert.match(said('./helper'), /Permission denied/);
        assert.match(said('touch /knowledge'), /Read-only file system/);
        assert.match(said('cat /etc/shadow'), /No such file|Permission denied/);
      });

      await t.test('what it tried to reach is in the record', async () => {
        const { json } = await stand.bulkhead(['ledger', 'tail', '--json', '--last', '500']);
        const entries = json.entries as Record<string, unknown>[];
        const events = entries.filter((entry) => entry.agent === 'clerk').map((entry) => JSON.stringify(entry));
        assert.ok(events.some((entry) => /"dns\.refused"/.test(entry) && /collect\.test/.test(entry)));
        assert.ok(events.some((entry) => /"egress\.denied"/.test(entry) && /203\.0\.113\.7/.test(entry)));
        assert.ok(!events.some((entry) => /"egress\.allowed"/.test(entry)));
      });

      await t.test('the librarian cannot write into the handbook', async () => {
        assert.match(
          await workOf(stand, 'librarian', 'summary.txt'),
          /leave a note in the handbook: Read-only file system/,
        );
      });

      await t.test('a letter that comes later is there for the clerk, and nothing is done twice', async () => {
        writeFileSync(
          join(stand.folder, 'office/inbox/13-late.eml'),
          'From: a@b.test\r\nSubject: Invoice 7\r\n\r\nPlease pay.\r\n',
        );
        assert.equal((await stand.bulkhead(['restart', 'clerk'])).status, 0);
        await until(async () => (await letters(stand)).length === 13);
        const files = (await letters(stand)).map((letter) => letter.file);
        assert.equal(new Set(files).size, 13);
      });
    },
    { up: false },
  );
});

async function letters(stand: Stand): Promise<Letter[]> {
  const lines = (await workOf(stand, 'clerk', 'letters.jsonl')).trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Letter);
}

/** What an agent has left in its workspace, read as the agent; waits until it is there. */
async function workOf(stand: Stand, agent: string, path: string): Promise<string> {
  let text = '';
  await until(async () => {
    const result = await stand.run(agent, ['cat', path]);
    text = result.stdout;
    return result.status === 0 && text.endsWith('\n'); // it may be about to be written
  });
  return text;
}

async function until(done: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await done())) {
    assert.ok(Date.now() < deadline, 'it took more than a minute');
    await sleep(500);
  }
}
