import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UsageEntry } from '../../src/model/usage.ts';
import { budgetNotesOf } from '../../src/policy/meter/notes.ts';
import { agent, fleet } from './fleet.ts';
import { bulkhead, standIn } from './stand-in.ts';

const ENTRY: UsageEntry = {
  agent: 'coder',
  day: '2026-11-21',
  requests: 1200,
  up: 1536,
  down: 3 * 1024 * 1024,
  runs: 3,
  tokens: { input: 1000, output: 2000, cacheWrite: 30, cacheWriteHour: 4, cacheRead: 50_000 },
  answers: 12,
  unsaid: { answers: 0, atMost: 0 },
  money: 1.234567,
  unpriced: [],
  refused: 0,
  caps: [{ cap: 'tokens', used: 53_034, limit: 2_000_000, more: 0 }],
};

test('a row for an agent and day, its caps below, and nothing said of what is known', async () => {
  await using there = await standIn({ usage: () => ({ usage: [ENTRY] }) });
  const { stdout, exit } = await bulkhead(['usage', 'coder', '--days', '7', '--state', there.state]);
  assert.equal(exit, 0);
  assert.match(stdout, /^AGENT +DAY +REQUESTS +UP +DOWN +RUNS +INPUT +CACHED +OUTPUT +MONEY +REFUSED/);
  assert.match(stdout, /coder +2026-11-21 +1,200 +1\.5 KiB +3 MiB +3 +1,034 +50,000 +2,000 +\$1\.23/);
  assert.match(stdout, /53,034 tokens of 2,000,000 tokens a day/);
  assert.doesNotMatch(stdout, /unknown/);
  const { stdout: json } = await bulkhead(['usage', '--json', '--state', there.state]);
  assert.deepEqual(JSON.parse(json), { usage: [ENTRY] });
  assert.deepEqual(there.asked, ['warden usage {"days":7,"agent":"coder"}', 'warden usage {"days":1}']);
});

test('what is not known is called unknown, in the figures too', async () => {
  const entry = {
    ...ENTRY,
    unsaid: { answers: 2, atMost: 9000 },
    unpriced: [{ model: 'new\u001b[2K', answers: 3 }],
  };
  await using there = await standIn({ usage: () => ({ usage: [entry] }) });
  const { stdout } = await bulkhead(['usage', '--state', there.state]);
  assert.match(stdout, /1,034\+ .* 2,000\+ .*\$1\.23 \+ unknown/);
  assert.match(stdout, /unknown: 2 answers did not say how many tokens; at most 9,000/);
  assert.match(stdout, /unknown: the price of new\\u\{1b\}\[2K \(3 answers\)/);
});

test('what was refused, what was given today and a single answer are said; where nothing was used, that is', async () => {
  const entry: UsageEntry = {
    ...ENTRY,
    refused: 1234,
    caps: [{ cap: 'money', used: 1_500_000, limit: 3_000_000, more: 2_000_000 }],
    unpriced: [{ model: 'new', answers: 1 }],
  };
  await using there = await standIn({ usage: ({ agent }) => ({ usage: agent === undefined ? [entry] : [] }) });
  const { stdout } = await bulkhead(['usage', '--state', there.state]);
  assert.match(stdout, /\$1\.23 \+ unknown +1,234$/m);
  assert.match(stdout, /\$1\.50 of \$3\.00 a day, \$2\.00 of it given today/);
  assert.match(stdout, /the price of new \(one answer\)/);
  const none = await bulkhead(['usage', 'coder', '--state', there.state]);
  assert.equal(none.stdout, 'No agent has used anything.\n');
  for (const days of ['401', 'a', '-1', '1.5']) {
    const { exit, stderr } = await bulkhead(['usage', `--days=${days}`, '--state', there.state]);
    assert.equal(exit, 2, days);
    assert.equal(stderr.trimEnd().split('\n').length, 2, stderr);
    assert.match(stderr, /--days/);
  }
  assert.equal(there.asked.length, 2);
});

test('status has a line where a cap is near or reached, where it cannot be kept, and where a loop is refused', async () => {
  const caps = [
    { cap: 'runs', used: 79, limit: 100, more: 0 },
    { cap: 'tokens', used: 80, limit: 100, more: 0 },
    { cap: 'money', used: 3_000_000, limit: 2_000_000, more: 1_000_000 },
  ] as const;
  const notes = budgetNotesOf({ ...ENTRY, caps, unpriced: [{ model: 'new', answers: 1 }], loops: 1 });
  assert.deepEqual(
    notes.map(({ over, text }) => `${over} ${text}`),
    [
      'false 80 tokens of 100 tokens today',
      'true $3.00 of $2.00 today, $1.00 of it given today: what counts against it is refused',
      'true the price of the model new is not known: calls of models are refused',
      'true one request is refused as a loop',
    ],
  );
  assert.deepEqual(budgetNotesOf({ ...ENTRY, unpriced: [{ model: 'new', answers: 1 }] }), []);
  await using up = await standIn({ status: () => fleet([agent('coder', { budget: notes })]) });
  const { stdout, exit } = await bulkhead(['status', '--state', up.state]);
  assert.match(stdout, /coder +budget +80 tokens of 100 tokens today/);
  assert.equal(exit, 0, 'the walls stand');
});
