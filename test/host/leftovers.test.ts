import assert from 'node:assert/strict';
import { chownSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { sweepLeftovers } from '../../src/host/arena/leftovers.ts';
import { removeTree } from '../../src/host/files/mounts.ts';

const NOBODYS = 2 ** 22 + 1; // no pid is as high: proc(5), pid_max
const uid = process.getuid?.() ?? 0;

test('what drills left that are gone is taken away, but not what a running one or another user has', (t) => {
  const place = mkdtempSync(join(tmpdir(), 'bulkhead-leftovers-'));
  try {
    mkdirSync(join(place, `bulkhead-drill-${NOBODYS}-folder/open`), { recursive: true });
    for (const name of [
      `bulkhead-drill-${NOBODYS}-a.txt`,
      `bulkhead-drill-${process.pid}-b.txt`,
      'bulkhead-drill-x-c.txt',
    ])
      writeFileSync(join(place, name), '');
    const stay = [`bulkhead-drill-${process.pid}-b.txt`, 'bulkhead-drill-x-c.txt'];
    if (uid === 0) {
      const anothers = `bulkhead-drill-${NOBODYS}-d.txt`;
      writeFileSync(join(place, anothers), '');
      chownSync(join(place, anothers), 64_990, 64_990);
      stay.push(anothers);
    } else t.diagnostic('not root: a file of another user was not tried');
    sweepLeftovers([place], uid);
    assert.deepEqual(readdirSync(place).sort(), stay.sort());
  } finally {
    removeTree(place);
  }
});
