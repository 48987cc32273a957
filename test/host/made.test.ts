import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Made } from '../../src/host/files/made.ts';
import { removeTree } from '../../src/host/files/mounts.ts';
import type { Resource } from '../../src/plan/resource.ts';

const group = (name: string, gid = 1): Resource => ({ kind: 'group', name, gid });

function journal(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-made-'));
  t.after(() => removeTree(folder));
  return join(folder, 'made');
}

test('what was begun counts as made, and what was not surely removed as well', (t) => {
  const made = new Made(journal(t));
  made.begin({ do: 'make', what: group('begun') });
  made.begin({ do: 'make', what: group('gone') });
  made.begin({ do: 'remove', what: group('gone') });
  made.end({ do: 'remove', what: group('gone') });
  made.begin({ do: 'make', what: group('going') });
  made.begin({ do: 'remove', what: group('going') });
  assert.deepEqual(made.list(), [group('begun'), group('going')]);
});

test('a journal torn at any byte is read up to there, and goes on', (t) => {
  const path = journal(t);
  const made = new Made(path);
  for (const name of ['one', 'two', 'three']) made.begin({ do: 'make', what: group(name) });
  const whole = readFileSync(path);
  for (let length = 0; length <= whole.length; length++) {
    writeFileSync(path, whole.subarray(0, length));
    const before = made.list();
    assert.equal(before.length, whole.subarray(0, length).toString().split('\n').length - 1);
    made.begin({ do: 'make', what: group('next') });
    assert.deepEqual(made.list(), [...before, group('next')]);
  }
});

test('compacting keeps what is there, in its order, with its last value', (t) => {
  const path = journal(t);
  const made = new Made(path);
  made.begin({ do: 'make', what: group('one') });
  made.begin({ do: 'make', what: group('two') });
  made.begin({ do: 'change', what: group('one', 7), was: group('one') });
  made.compact();
  assert.deepEqual(made.list(), [group('one', 7), group('two')]);
  assert.equal(readFileSync(path, 'utf8').split('\n').length, 3);
});

test('a damaged line is named, not skipped: something may be on the machine because of it', (t) => {
  const path = journal(t);
  const made = new Made(path);
  made.begin({ do: 'make', what: group('one') });
  appendFileSync(path, '{"at":"begin"\n');
  assert.throws(() => made.list(), { code: 'journal-damaged', at: `${path}:2` });
});

test('the journal is readable by root alone', (t) => {
  const path = journal(t);
  new Made(path).begin({ do: 'make', what: group('one') });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  truncateSync(path);
});
