import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { removeTree } from '../../src/host/files/mounts.ts';
import { type Client, dial } from '../../src/wire/client.ts';
import { bulkhead, golden, session } from './stand-in.ts';

/** The real ledger, in a state of its own. */
const state = mkdtempSync(join(tmpdir(), 'bh-cli-ledger-'));
let warden: Client;
let lifeline: () => Promise<void>;

before(async () => {
  mkdirSync(join(state, 'ledger'), { recursive: true, mode: 0o700 });
  mkdirSync(join(state, 'run/ledger'), { recursive: true });
  const socket = join(state, 'run/ledger/ledger.sock');
  const main = fileURLToPath(new URL('../../src/programs/ledger/main.ts', import.meta.url));
  const child = spawn(
    process.execPath,
    [main, '--dir', join(state, 'ledger'), '--socket', socket, '--gateway-uid', '64999'],
    {
      stdio: ['ignore', 'ignore', 'inherit', 'pipe', 'pipe'],
    },
  );
  const ended = once(child, 'exit');
  lifeline = async () => {
    child.stdio[3]?.destroy();
    await ended;
  };
  await once(child.stdio[4] as NodeJS.ReadableStream, 'data');
  warden = await dial(socket);
  const entries = [
    {
      event: 'agent.started',
      agent: 'coder',
      pid: 4242,
      argv: ['node', 'agent.js', '--say', 'two words', "it's", '\u001b[2J'],
    },
    {
      event: 'egress.allowed',
      agent: 'coder',
      host: 'registry.example.test',
      port: 443,
      via: 'sni',
      rule: 'registry.example.test:443',
    },
    { event: 'egress.denied', agent: 'herald', host: 'evil\u202e.example.test', port: 443, why: 'no rule names it' },
    { event: 'dns.refused', agent: 'herald', name: 'tracker.example.test', why: 'no rule names it' },
    { event: 'step.failed', text: 'make the disk of herald (5G)', why: 'no space left on device' },
    { event: 'drill.attack', agent: 'coder', id: 'files.other-home', result: 'breached', control: 'files' },
    { event: 'policy.changed', digest: 'aa11', agents: ['coder', 'herald'] },
  ];
  await warden.call('append', { entries, strength: 'acknowledged' });
});

after(async () => {
  warden?.close();
  await lifeline?.();
  removeTree(state);
});

const steady = (text: string): string =>
  text
    .replaceAll(state, 'STATE')
    .replaceAll(/^-- \d{4}-\d\d-\d\d/gmu, '-- YYYY-MM-DD')
    .replaceAll(/\d\d:\d\d:\d\d\.\d{3}/gu, 'hh:mm:ss.mmm');

test('the tail shows one entry a line, newest last, and nothing in it can draw', async () => {
  const lines = [
    'ledger tail',
    'ledger tail -n 1',
    'ledger tail --agent herald',
    'ledger tail --event egress.denied',
    'ledger tail --event nothing',
  ];
  const { expected, actual } = golden(
    'ledger-tail.txt',
    steady(
      await session(
        lines.map((line) => `bulkhead ${line}`),
        { state },
      ),
    ),
  );
  assert.equal(actual, expected);
});

test('with --json the tail is the entries as they are recorded', async () => {
  const { stdout } = await bulkhead([
    'ledger',
    'tail',
    '--json',
    '-n',
    '1',
    '--agent',
    'herald',
    '--event',
    'egress.denied',
    '--state',
    state,
  ]);
  const { entries } = JSON.parse(stdout) as { entries: Record<string, unknown>[] };
  assert.equal(entries[0]?.host, 'evil\u202e.example.test');
  assert.equal(stdout.includes('\u202e'), false);
});

test('-f goes on with what is recorded, filtered', async () => {
  const say = (agent: string, text: string) =>
    warden.call('append', { entries: [{ event: 'test.said', agent, text }], strength: 'acknowledged' });
  await say('clerk', 'zeroth');
  const ready = Promise.withResolvers<void>();
  const seen = (stdout: string): void => void (stdout.includes('zeroth') && ready.resolve());
  const args = ['ledger', 'tail', '-f', '-n', '1', '--agent', 'clerk', '--state', state];
  const running = bulkhead(args, {}, 'third', seen);
  await ready.promise; // from here on nothing may be missed
  await say('clerk', 'first');
  await say('coder', 'second');
  await say('clerk', 'third');
  const { stdout } = await running;
  assert.deepEqual(stdout.match(/zeroth|first|second|third/gu), ['zeroth', 'first', 'third']);
});

test('an export verifies by itself, continues an earlier head, and an altered one is refused', async () => {
  const covered = async (): Promise<boolean> => {
    const { accepted, signed } = (await warden.call('health')) as { accepted: number; signed: number };
    return signed === accepted;
  };
  for (const late = Date.now() + 60_000; !(await covered()); await sleep(50)) assert.ok(Date.now() < late, 'no head');
  const copy = join(state, 'copy');
  const exported = await bulkhead(['ledger', 'export', copy, '--state', state]);
  assert.match(exported.stdout, /^\d+ entries are in .*\n.*bulkhead ledger verify /);
  const saved = join(state, 'head.txt');
  writeFileSync(saved, readFileSync(join(copy, 'checkpoint')));
  const whole = await bulkhead(['ledger', 'verify', copy, '--checkpoint', saved, '--key', join(copy, 'key.pub')]);
  assert.deepEqual(
    [whole.exit, /^All \d+ entries/.test(whole.stdout), /continues +the head at \d+/.test(whole.stdout)],
    [0, true, true],
  );
  const live = await bulkhead(['ledger', 'verify', '--state', state, '--json']);
  assert.deepEqual([live.exit, (JSON.parse(live.stdout) as { ok: boolean }).ok], [0, true]);

  const again = await bulkhead(['ledger', 'export', copy, '--state', state]);
  assert.deepEqual([again.exit, again.stderr.split('\n').length], [2, 3]);

  const [bundle] = [join(copy, 'tile/entries/000.p')];
  const { readdirSync } = await import('node:fs');
  const file = join(bundle, readdirSync(bundle)[0] ?? '');
  writeFileSync(file, readFileSync(file, 'latin1').replace('registry', 'registrx'), 'latin1');
  const altered = await bulkhead(['ledger', 'verify', copy]);
  assert.match(altered.stdout, /is not whole: .*\n\n/);
  assert.match(altered.stdout, /altered/);
  assert.equal(altered.exit, 1);
});
