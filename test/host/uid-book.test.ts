import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import { uidsFor } from '../../src/host/files/uid-book.ts';
import { agentName, fleetName } from '../../src/model/names.ts';
import { FIRST_UID } from '../../src/plan/uids.ts';

const skip = process.getuid?.() === 0 ? false : 'without root there is one uid for all';
const DAEMON = 1;

test('a number that became another user’s before ours was made is given out no more, unless the agent has something stored', {
  skip,
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-uids-'));
  try {
    const places = { uids: join(folder, 'uids.json'), agents: join(folder, 'agents') };
    mkdirSync(join(places.agents, 'stored'), { recursive: true });
    const given = { 'f/lost': DAEMON, 'f/stored': DAEMON, 'f/kept': FIRST_UID + 900, 'g/lost': DAEMON };
    writeFileSync(places.uids, JSON.stringify({ given }));
    const book = uidsFor(places, fleetName('f'), ['lost', 'stored', 'kept'].map(agentName));
    const { 'f/lost': anew, ...rest } = book.given;
    assert.deepEqual(rest, { 'f/stored': DAEMON, 'f/kept': FIRST_UID + 900, 'g/lost': DAEMON });
    assert.ok(anew !== undefined && anew > FIRST_UID + 900, String(anew));
  } finally {
    removeTree(folder);
  }
});
