import assert from 'node:assert/strict';
import { openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { memoryFile } from '../../src/host/gate/gate-ground.ts';
import { ByFile } from '../../src/programs/gate/by-file.ts';
import { Flight } from '../../src/programs/gate/flight.ts';
import { FloodCounts } from '../../src/programs/gate/flood-counts.ts';
import { Holding } from '../../src/programs/gate/held.ts';
import { Journal } from '../../src/programs/gate/journal.ts';
import { SHARED_BYTES } from '../../src/programs/gate/journal-shared.ts';
import { OwnStubs } from '../../src/programs/gate/own-stubs.ts';
import { standing } from '../../src/programs/gate/standing.ts';
import { type AgentPolicy, PLACE_BYTES, PLACES } from '../../src/wire/gate-policy.ts';
import { withQuestion } from './laid-out.ts';

test('an exec is on record as allowed by its file only where its path leads to no stub, whatever the agent links', async (t) => {
  const path = `/tmp/bh-by-file-${process.pid}`;
  writeFileSync(path, '');
  t.after(() => rmSync(path));
  const fd = openSync(path, 'a+');
  const journal = new Journal({ fds: [fd, fd], shared: new SharedArrayBuffer(SHARED_BYTES), next: 1, left: new Map() });
  const flight = new Flight(memoryFile('flight', PLACE_BYTES * PLACES));
  const holding = new Holding(flight, () => {});
  const byFile = new ByFile(flight, journal, new FloodCounts(() => {}), holding, new OwnStubs(() => {}), () => {});
  const policy = standing({
    ...{ agent: 'one', exec: { ask: 'on-miss' }, allowed: ['true'], names: ['/usr/bin/true', '/usr/bin/factor'] },
    ...{ stubs: { '/usr/bin/factor': { name: 'factor', file: '/usr/bin/factor' } }, waitMs: 1, given: {} },
  } as unknown as AgentPolicy);
  const facts = { number: 1, fd: openSync('/dev/null', 'r'), agent: 'one', device: '', inode: '', asks: true };
  for (const [tried, event] of [
    ['/usr/bin/true', 'exec.allowed'],
    ['/bin/true', 'exec.allowed'],
    ['/usr/lib/git-core/git-status', 'exec.allowed'],
    ['/usr/bin/factor', 'exec.relayed'],
    ['/bin/factor', 'exec.relayed'],
    ['/usr/lib/../bin//factor', 'exec.relayed'],
    ['../usr/bin/factor', 'exec.relayed'],
    ['factor', 'exec.relayed'],
    ['/workspace/link', 'exec.relayed'],
    ['/proc/self/cwd/factor', 'exec.relayed'],
  ] as const) {
    const place = flight.take(1);
    await withQuestion(tried, ['x'], (question) => {
      question.copy(flight.at(place));
      byFile.judge(place, facts, policy);
    });
    const last = JSON.parse(readFileSync(path, 'utf8').trim().split('\n').at(-1) ?? '');
    assert.deepEqual([last.path, last.event, last.argv], [tried, event, ['x']]);
  }
});
