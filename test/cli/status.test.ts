import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agent, ago, fleet, walls } from './fleet.ts';
import { bulkhead, golden, session, standIn } from './stand-in.ts';

test('a fleet whose walls all stand is three lines, and exit 0', async () => {
  await using up = await standIn({
    status: () => fleet([agent('chief'), agent('herald', { since: ago(2.5 * 86400) })]),
  });
  const { expected, actual } = golden('status-full.txt', await session(['bulkhead status'], up));
  assert.equal(actual, expected);
});

test('what does not stand, or is not known, is named with its reason, and the exit is 1', async () => {
  await using up = await standIn({
    probe: () => null,
    status: () => ({
      ...fleet([
        agent('chief'),
        agent('coder', {
          walls: walls({ exec: { level: 'partial', missing: ['its workspace is executable (exec.own: allow)'] } }),
        }),
        agent('herald', {
          restarts: 2,
          walls: walls({
            network: {
              level: 'none',
              why: 'the packet filter of its namespace is empty, and a connection to 192.0.2.1:443 that bypassed the gateway was answered',
            },
            limits: { level: 'unknown', why: 'the probe did not answer within 5 s' },
          }),
        }),
        agent('clerk', { state: 'paused', walls: walls().slice(0, 7) }),
        agent('scribe', { state: 'stopped', walls: [] }),
        agent('courier', {
          state: 'failed',
          why: 'its command ended with status 1 three times in a minute',
          walls: [],
        }),
      ]),
      programs: [
        { name: 'warden', pid: 811, state: 'running' },
        { name: 'gateway', state: 'restarting', restarts: 3 },
      ],
    }),
  });
  const { expected, actual } = golden(
    'status-red.txt',
    await session(['bulkhead status', 'bulkhead status --probe'], up),
  );
  assert.equal(actual, expected);
  assert.deepEqual(up.asked, ['warden status {}', 'warden probe {}', 'warden status {}']);
});

test('what is broken although its program runs is told with what mends it, and the exit is 1', async () => {
  const broken = [{ what: 'The inbox cannot be used (no \u001b[2Kdatabase)', mend: 'mv it && bulkhead up' }];
  await using up = await standIn({ status: () => ({ ...fleet([agent('chief')]), broken }) });
  const { stdout, exit } = await bulkhead(['status', '--state', up.state]);
  assert.match(
    stdout,
    /\nThe inbox cannot be used \(no \\u\{1b\}\[2Kdatabase\)\nMend it: mv it && bulkhead up\nRunning: /,
  );
  assert.equal(exit, 1);
});

test('a wall said to be full without a time of measurement is unknown', async () => {
  const careless = walls().map(({ probedAt: _, ...wall }) => wall);
  await using up = await standIn({ status: () => fleet([agent('coder', { walls: careless })]) });
  const { stdout, exit } = await bulkhead(['status', '--state', up.state]);
  assert.match(stdout, /never +all 8 unknown/);
  assert.equal(exit, 1);
});

test('--json is the document of the warden, whole, with the same exit', async () => {
  const document = fleet([agent('coder', { walls: walls({ record: { level: 'unknown', why: 'x' } }) })]);
  await using up = await standIn({ status: () => document });
  const { stdout, stderr, exit } = await bulkhead(['--json', 'status', '--state', up.state]);
  assert.deepEqual([JSON.parse(stdout), stderr, exit], [document, '', 1]);
});

test('names and reasons that would draw on the terminal are shown as what they are', async () => {
  const evil = '\u001b[2K\u202egreen\u0000\u200b';
  await using up = await standIn({
    status: () =>
      fleet([agent(evil, { walls: walls({ exec: { level: 'partial', missing: [evil, '\r\n\u009b1A'] } }) })]),
  });
  for (const json of [[], ['--json']]) {
    const { stdout } = await bulkhead(['status', ...json, '--state', up.state]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u202e]/);
  }
});

test('an agent that was stopped has no walls to doubt; one that fell is an answer of no', async () => {
  const gone = walls().map(({ wall }) => ({ wall, level: 'unknown' as const, why: 'nothing runs in it' }));
  let state = 'stopped';
  await using up = await standIn({ status: () => fleet([agent('coder'), agent('clerk', { state, walls: gone })]) });
  const stopped = await bulkhead(['status', '--state', up.state]);
  assert.match(stopped.stdout, /clerk .* no compartment stands\n\nRunning/);
  assert.equal(stopped.exit, 0);
  for (state of ['failed', 'down', 'running'])
    assert.equal((await bulkhead(['status', '--state', up.state])).exit, 1, state);
});
