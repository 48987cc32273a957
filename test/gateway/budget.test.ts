import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Budget } from '../../src/model/budget.ts';
import type { UsageDocument, UsageEntry } from '../../src/model/usage.ts';
import { World } from './world.ts';

// Connections that pass unread, at the real gateway.

const world = new World();
const findings: string[] = [];
const asked: object[] = [];

const policy = (budgets: Readonly<Record<string, Budget>>): Promise<unknown> =>
  world.warden.call('policy', {
    agents: Object.entries(budgets).map(([name, budget]) => ({
      name,
      egress: [80, 443, 7000]
        .map((port) => ({ host: 'allow.test', port }))
        .concat({ host: 'api.openai.com', port: 443 }),
      grants: [],
      budget,
    })),
  });
const usage = async (agent: string): Promise<UsageEntry> => {
  const { usage } = (await world.warden.call('usage', { agent, days: 1 })) as UsageDocument;
  return usage[0] as UsageEntry;
};
const allow = (...allowances: object[]): Promise<unknown> => world.warden.call('allowances', { allowances });

before(async () => {
  await world.start({ 'allow.test': '203.0.113.10', 'api.openai.com': '203.0.113.10' });
  world.onQuestion = ({ id, do: what, text, terms }) => {
    if (what === 'finding') findings.push(String(text));
    if (what === 'budget.ask') asked.push(terms as object);
    world.warden.reply({ id, ok: what === 'budget.ask' ? { state: 'asked', id: 7 } : {} });
  };
  await policy({ coder: {}, other: {} });
  await world.agent('coder');
  await world.agent('other');
});
after(() => world.stop());

test('a connection that passes unread is one request, with its bytes, in TLS and in plain HTTP', async () => {
  await world.curl('coder', 'https://allow.test/');
  assert.equal((await usage('coder')).requests, 1);
  await world.curl('coder', 'http://allow.test/');
  for (const port of [80, 443])
    await world.recorded('egress.closed', (entry) => entry.agent === 'coder' && entry.port === port);
  const { requests, up, down, caps } = await usage('coder');
  assert.deepEqual([requests, caps], [2, []]);
  const closed = world.events('egress.closed').filter(({ agent }) => agent === 'coder');
  assert.equal(
    up,
    closed.reduce((sum, entry) => sum + Number(entry.up), 0),
  );
  assert.equal(
    down,
    closed.reduce((sum, entry) => sum + Number(entry.down), 0),
  );
});

test('a cap on requests refuses the next, in words where there are any, and a person hears of it once', async () => {
  await policy({ coder: { requests: 3 }, other: {} });
  assert.equal((await world.curl('coder', 'http://allow.test/')).status, 0);
  const { out } = await world.curl('coder', '-w', '%{http_code}', 'http://allow.test/');
  assert.match(out, /"denied":"allow\.test:80","rule":"its budget of 3 requests for \S+ is used up \(3 requests\)"/);
  assert.match(out, /403$/);
  assert.notEqual((await world.curl('coder', 'https://allow.test/')).status, 0);
  assert.equal((await usage('coder')).refused, 2);
  assert.equal(findings.filter((text) => text.includes('3 requests')).length, 1);
  assert.equal((await world.recorded('budget.reached', () => true)).limit, 3);
  assert.equal((await world.curl('other', 'http://allow.test/')).status, 0, 'another agent has its own');
  assert.deepEqual(asked, [], 'nobody is asked unless policy says so');
});

test('what is held while a person is asked goes on when they have said yes', async () => {
  await world.warden.call('policy', {
    agents: [
      {
        ...{ name: 'coder', egress: [{ host: 'allow.test', port: 80 }], grants: [] },
        ...{ budget: { requests: 3, ask: true }, budgetMs: 20_000 },
      },
    ],
  });
  const { day } = await usage('coder');
  const held = world.curl('coder', '-w', '%{http_code}', 'http://allow.test/');
  while (asked.length === 0) await sleep(20);
  assert.deepEqual(asked, [{ cap: 'requests', day, upTo: 6 }]);
  await allow({ id: 7, agent: 'coder', cap: 'requests', day, upTo: 6 });
  assert.match((await held).out, /200$/);
  assert.deepEqual((await usage('coder')).caps, [{ cap: 'requests', used: 4, limit: 6, more: 3 }]);
  await allow();
  const refused = world.curl('coder', 'http://allow.test/');
  while (asked.length < 2) await sleep(20);
  await world.heeded(); // it is held now
  await world.warden.call('answered', { agent: 'coder', question: 7, state: 'refused' });
  assert.match((await refused).out, /question 7 was refused/);
  const before_ = world.onQuestion;
  world.onQuestion = ({ id }) => world.warden.reply({ id, ok: { state: 'refused', id: 7 } });
  const { out } = await world.curl('coder', 'http://allow.test/');
  assert.match(out, /; a person refused more \(question 7\)"/, 'what was refused already is not held again');
  world.onQuestion = before_;
});

test('a cap on bytes ends the connection that goes over it', async () => {
  await policy({ coder: {}, other: { bytes: 3_000_000 } });
  const code = `import time
s=socket.create_connection(('allow.test',7000),timeout=20)
end=time.time()+15
try:
  while time.time()<end: s.sendall(b'\\x00'+b'x'*65535); s.recv(65536) or sys.exit(print('cut'))
except OSError: sys.exit(print('cut'))
print('went on')`;
  const { out } = await world.python('other', code); // looked at once a second
  const { up, down } = await usage('other');
  assert.ok(up + down >= 3_000_000, `${up} ${down}`);
  assert.equal(out, 'cut\n');
  const told = (): boolean => findings.some((text) => /its budget of 2\.9 MiB/.test(text));
  for (const late = Date.now() + 20_000; !told() && Date.now() < late; ) await sleep(20); // by another way than the connection's end
  assert.ok(told(), findings.join('\n'));
  const closed = await world.recorded('egress.closed', ({ agent, port }) => agent === 'other' && port === 7000);
  assert.match(String(closed.why), /its budget of 2\.9 MiB for \S+ is used up/);
});

test('where tokens are to be counted, a model is not reached unread', async () => {
  await policy({ coder: { tokens: 1000 }, other: {} });
  assert.notEqual((await world.curl('coder', 'https://api.openai.com/v1/models')).status, 0);
  const denied = await world.recorded('egress.denied', ({ host }) => host === 'api.openai.com');
  assert.match(String(denied.why), /its tokens are to be counted, and here they cannot be/);
  assert.equal((await world.curl('coder', 'https://allow.test/')).status, 0);
  await world.curl('other', 'https://api.openai.com/v1/models');
  assert.equal(
    world.events('egress.denied').filter(({ host, agent }) => host === 'api.openai.com' && agent === 'other').length,
    0,
  );
});

test('runs are counted, and refused in words', async () => {
  await policy({ coder: { runs: 1 }, other: {} });
  assert.deepEqual(await world.warden.call('run', { agent: 'coder' }), {});
  const { stopped } = (await world.warden.call('run', { agent: 'coder' })) as { stopped: string };
  assert.match(stopped, /^its budget of 1 run for \S+ is used up \(1 run\)$/);
});

test('all of it is there after the gateway was killed, a line that was cut included', async () => {
  const allowed = world.events('egress.allowed').length;
  await world.counted(() => world.events('egress.closed').length, allowed);
  const { refused, loops, caps, ...before } = await usage('coder');
  const file = join(world.dir, 'gateway/usage/coder.jsonl');
  // Bytes alone are written down once a second.
  const kept = (): { up: number; down: number } =>
    JSON.parse(readFileSync(file, 'utf8').trim().split('\n').at(-1) ?? '');
  const isKept = (): boolean => kept().up === before.up && kept().down === before.down;
  for (const late = Date.now() + 20_000; !isKept() && Date.now() < late; ) await sleep(50);
  writeFileSync(file, readFileSync(file, 'utf8').concat('{"day":"2026-01-0'));
  world.gateway.kill('SIGKILL');
  await new Promise((resolve) => world.gateway.once('exit', resolve));
  world.startGateway();
  world.onQuestion = ({ id }) => world.warden.reply({ id, ok: {} });
  await policy({ coder: { requests: 1 }, other: {} });
  await world.listen('coder');
  const { refused: _, loops: __, caps: ___, ...then } = await usage('coder');
  assert.deepEqual(then, before);
  assert.equal(refused > 0 && caps.length + (loops ?? 0) >= 0, true);
  assert.match((await world.curl('coder', 'http://allow.test/')).out, /its budget of 1 request /);
});

test('what cannot be written down does not happen where there is a cap, and happens where there is none', async () => {
  await policy({ coder: { requests: 100_000 }, other: {}, third: { requests: 100_000 }, fourth: {} });
  for (const name of ['third', 'fourth']) {
    rmSync(join(world.dir, `gateway/usage/${name}.jsonl`), { force: true });
    mkdirSync(join(world.dir, `gateway/usage/${name}.jsonl.next`)); // nothing can be put in its place
    await world.agent(name);
  }
  assert.match(
    (await world.curl('third', 'http://allow.test/')).out,
    /what it uses cannot be written down, so its budget cannot be kept/,
  );
  assert.equal((await world.curl('fourth', 'http://allow.test/')).status, 0);
});
