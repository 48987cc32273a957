import assert from 'node:assert/strict';
import { openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { memoryFile } from '../../src/host/gate/gate-ground.ts';
import { Endings } from '../../src/programs/gate/endings.ts';
import { Flight } from '../../src/programs/gate/flight.ts';
import { Holding } from '../../src/programs/gate/held.ts';
import { Journal } from '../../src/programs/gate/journal.ts';
import { SHARED_BYTES } from '../../src/programs/gate/journal-shared.ts';
import { OwnStubs } from '../../src/programs/gate/own-stubs.ts';
import { Replies } from '../../src/programs/gate/replies.ts';
import { PLACE_BYTES, PLACES } from '../../src/wire/gate-policy.ts';

test('a script whose copy cannot be opened any more is on record as refused, and not as allowed', (t) => {
  const path = `/tmp/bh-replies-${process.pid}`;
  writeFileSync(path, '');
  t.after(() => rmSync(path));
  const fd = openSync(path, 'a+');
  const journal = new Journal({
    fds: [fd, fd],
    shared: new SharedArrayBuffer(SHARED_BYTES),
    next: 1,
    left: new Map(),
  });
  const flight = new Flight(memoryFile('flight', PLACE_BYTES * PLACES));
  const holding = new Holding(flight, () => {});
  const endings = new Endings(memoryFile('running', 0), journal);
  const replies = new Replies(holding, journal, endings, new OwnStubs(() => {}));
  const facts = { number: 1, fd: openSync('/dev/null', 'r'), agent: 'one', device: '', inode: '', asks: true };
  const pin = { path: '/nowhere', script: true, digest: 'd', version: '' };
  const record = { event: 'exec.allowed', agent: 'one', rule: 'exec: tool', path: '/usr/bin/tool', argv: ['tool'] };
  replies.start({ place: flight.take(1), id: 7n, facts, at: 3 }, { pin, fd: 999_999 }, '/usr/bin/tool', record);
  const lines = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ event, path, rule }) => [event, path, rule]),
    [['exec.denied', '/usr/bin/tool', 'exec: tool']],
  );
  assert.match(lines[0].why, /not there any more/);
  assert.equal(flight.room, PLACES, 'and its place is free again');
});
