import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import { agentName } from '../../src/model/names.ts';
import { destinationSubject } from '../../src/policy/question/destination.ts';
import { Inbox } from '../../src/programs/warden/inbox/inbox.ts';
import { InboxStore } from '../../src/programs/warden/inbox/inbox-store.ts';
import { withdrawEach } from '../../src/programs/warden/inbox/withdrawing.ts';

const CODER = agentName('coder');

test('what ends by itself while all of an agent is taken back is no failure, and the rest is taken back', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'bh-withdrawing-'));
  t.after(() => removeTree(dir));
  const store = new InboxStore(join(dir, 'inbox.db'));
  t.after(() => store.close());
  const inbox = new Inbox(store, { write: async () => {}, tell: () => {} });
  for (const host of ['a.test', 'b.test', 'c.test'])
    await inbox.ask(destinationSubject(CODER, { host, port: 443 }), 3_600_000);
  inbox.onChange(({ id, state }) => {
    if (id === 1 && state === 'withdrawn') void inbox.answer(2, false, { kind: 'once' }, 0); // a person, at that moment
  });
  await withdrawEach(inbox, ({ agent }) => agent === CODER, 'the agent was let go');
  assert.deepEqual(
    inbox.all().map(({ state }) => state),
    ['withdrawn', 'refused', 'withdrawn'],
  );
});
