import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Failure } from '../../src/model/failure.ts';
import { agent, fleet } from './fleet.ts';
import { bulkhead, golden, session, standIn } from './stand-in.ts';

const acted = (state: string, measured: string) => (body: Readonly<Record<string, unknown>>) => ({
  agent: body.agent,
  state,
  tookMs: 11.7,
  measured,
});

test('the kill switch says what was measured, for one and for all, and what failed for one stops no other', async () => {
  await using up = await standIn({
    status: () => fleet([agent('chief'), agent('coder'), agent('clerk', { state: 'stopped', walls: [] })]),
    'agent.pause': (body) => {
      if (body.agent === 'clerk')
        throw new Failure('not-running', 'clerk does not run', 'Start it: bulkhead restart clerk', 1);
      return acted('paused', 'cgroup.events: frozen 1')(body);
    },
    'agent.resume': acted('running', 'cgroup.events: frozen 0'),
    'agent.stop': acted('stopped', 'cgroup.events: populated 0'),
    'agent.restart': ({ agent }) => ({ agent, state: 'running' }),
  });
  const lines = [
    'pause coder',
    'pause clerk',
    'pause --all',
    '--json pause --all',
    'resume coder',
    'stop coder',
    'restart coder',
  ];
  const { expected, actual } = golden(
    'kill-switch.txt',
    await session(
      lines.map((line) => `bulkhead ${line}`),
      up,
    ),
  );
  assert.equal(actual, expected);
});

test('logs are lines; what would move the cursor is shown, colours are dropped', async () => {
  const lines = ['\u001b[32mok\u001b[0m 12 tests', 'a\ttab', '\u001b]0;title\u0007\u001b[2J', 'r\u202eevil', 'plain'];
  await using up = await standIn({ logs: () => ({ lines }) });
  const { expected, actual } = golden(
    'logs.txt',
    await session(['bulkhead logs coder', 'bulkhead logs coder -n 2', 'bulkhead --json logs coder -n 1'], up),
  );
  assert.equal(actual, expected);
  assert.equal(up.asked[0], 'warden logs {"subject":"coder","follow":false,"last":100}');
});

test('logs -f goes on with what comes, and nothing is lost in between', async () => {
  await using up = await standIn({
    logs: (_, notify) => {
      notify({ line: 'two' });
      setTimeout(() => notify({ line: 'three' }), 50);
      return { lines: ['one'] };
    },
  });
  const { stdout } = await bulkhead(['logs', 'coder', '-f', '--state', up.state], {}, 'three\n');
  assert.equal(stdout, 'one\ntwo\nthree\n');
  const json = await bulkhead(['logs', 'coder', '-f', '--json', '--state', up.state], {}, '"three"}\n');
  assert.deepEqual(
    json.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
    [
      { subject: 'coder', line: 'one' },
      { subject: 'coder', line: 'two' },
      { subject: 'coder', line: 'three' },
    ],
  );
});

test('when the warden does not run, its log is still there to say why', async () => {
  await using nothing = await standIn(undefined);
  mkdirSync(join(nothing.state, 'logs/agents'), { recursive: true });
  writeFileSync(join(nothing.state, 'logs/warden.log'), 'began\nthe disk is full\n');
  const { stdout, exit } = await bulkhead(['logs', 'warden', '-n', '1', '--state', nothing.state]);
  assert.deepEqual([stdout, exit], ['the disk is full\n', 0]);
});
