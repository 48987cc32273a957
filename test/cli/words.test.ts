import assert from 'node:assert/strict';
import { test } from 'node:test';
import { distance, suggest } from '../../src/programs/cli/suggest.ts';
import { TABLE } from '../../src/programs/cli/table.ts';
import { bulkhead, golden, session, standIn } from './stand-in.ts';

test('help names every command once, in one line, within 100 columns', async () => {
  const { stdout, exit } = await bulkhead(['--help']);
  assert.equal(exit, 0);
  for (const { name } of TABLE) {
    const longer = TABLE.filter((other) => other.name.startsWith(`${name} `)).map((other) => `  ${other.name} `);
    const lines = stdout.split('\n').filter((line) => line.startsWith(`  ${name} `));
    assert.equal(lines.filter((line) => !longer.some((start) => line.startsWith(start))).length, 1, name);
  }
  for (const line of stdout.split('\n')) assert.ok(line.length <= 100, line);
});

test('help is the same however it is asked for', async () => {
  const ways = [['--help'], ['-h'], ['help'], []].map(async (args) => (await bulkhead(args)).stdout);
  assert.equal(new Set(await Promise.all(ways)).size, 1);
  const one = [
    ['status', '--help'],
    ['help', 'status'],
  ].map(async (args) => (await bulkhead(args)).stdout);
  assert.equal(new Set(await Promise.all(one)).size, 1);
});

test('wrong words are answered in two lines, the second saying what to do, with exit 2', async () => {
  await using nothing = await standIn(undefined);
  const lines = [
    'bulkhead statsu',
    'bulkhead ps -a',
    'bulkhead xyzzy',
    'bulkhead ledger tial',
    'bulkhead ledger',
    'bulkhead status --prob',
    'bulkhead status coder',
    'bulkhead logs',
    'bulkhead logs coder --last',
    'bulkhead logs coder --last=many',
    'bulkhead logs ../../etc/shadow',
    'bulkhead --bogus',
    'bulkhead -f fleet.yaml status',
    'bulkhead -n 4 ledger tail',
    'bulkhead pause',
    'bulkhead pause coder --all',
    'bulkhead map Coder',
  ];
  const { expected, actual } = golden('wrong-words.txt', await session(lines, nothing));
  assert.equal(actual, expected);
});

test('a warden, or a whole fleet, that is not there is said, with exit 3', async () => {
  await using nothing = await standIn(undefined);
  const lines = [
    'bulkhead status',
    'bulkhead status --state /nonexistent/state',
    'bulkhead map coder',
    'bulkhead pause --all',
    'bulkhead logs coder -f',
    'bulkhead ledger tail',
    'bulkhead ledger verify /nonexistent/ledger',
    'bulkhead --json status',
  ];
  const { expected, actual } = golden('not-running.txt', await session(lines, nothing));
  assert.equal(actual, expected);
});

test('with --json an error is one document on stdout, and nothing else is said', async () => {
  for (const args of [
    ['--json', 'statsu'],
    ['status', '--bogus', '--json'],
    ['logs', '--json'],
    ['--json', 'map', 'UP'],
  ]) {
    const { stdout, stderr, exit } = await bulkhead(args);
    const { error } = JSON.parse(stdout) as { error: Record<string, unknown> };
    assert.deepEqual([Object.keys(error).sort(), stderr, exit], [['code', 'hint', 'message'], '', 2], args.join(' '));
  }
});

test('a program that ends or refuses without a word is not taken for an answer', async () => {
  await using up = await standIn({ status: () => new Promise(() => {}), map: () => process.kill(process.pid, 0) });
  const asked = bulkhead(['status', '--state', up.state]);
  while (up.asked.length === 0) await new Promise((later) => setTimeout(later, 10));
  await up[Symbol.asyncDispose]();
  const { stderr, exit } = await asked;
  assert.match(stderr, /^The warden ended while it was asked\n/);
  assert.equal(exit, 3);
});

test('what is no Failure is called a defect, without a stack unless it is asked for', async () => {
  await using up = await standIn({ status: () => ({ fleet: 'x', agents: null, programs: [] }) });
  const quiet = await bulkhead(['status', '--state', up.state]);
  assert.match(quiet.stderr, /^bulkhead itself failed: .*\n.*BULKHEAD_DEBUG=1.*\n$/);
  assert.equal(quiet.exit, 1);
  const loud = await bulkhead(['status', '--state', up.state], { BULKHEAD_DEBUG: '1' });
  assert.match(loud.stderr, /\n {4}at /);
});

test('colour needs a terminal, and NO_COLOR is obeyed even where colour is forced upon a pipe', async () => {
  await using nothing = await standIn(undefined);
  for (const env of [{}, { NO_COLOR: '1' }]) {
    const { stdout } = await bulkhead(['doctor', '--state', nothing.state], env);
    assert.equal(stdout.includes('\u001b'), false);
  }
  const forced = await bulkhead(['doctor', '--state', nothing.state], { FORCE_COLOR: '1' });
  assert.equal(forced.stdout.includes('\u001b[32m'), true);
});

test('a word of another tool leads to ours, a slip to the nearest, and nonsense nowhere', () => {
  const known = ['status', 'run', 'up', 'restart', 'resume', 'logs', 'ledger tail'];
  const cases = {
    ps: 'status',
    exec: 'run',
    start: 'up',
    stats: 'status',
    tail: 'logs',
    statsu: 'status',
    rusume: 'resume',
  };
  for (const [word, meant] of Object.entries(cases)) assert.equal(suggest(word, known), meant, word);
  for (const word of ['xyzzy', 'q', '', 'constructor', '__proto__'])
    assert.equal(suggest(word, known), undefined, word);
  assert.deepEqual([distance('', 'abc'), distance('ab', 'ba'), distance('kitten', 'sitting')], [3, 1, 3]);
});
