import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sealed } from '../../src/programs/cli/seal.ts';
import { ReadWorld, VALUE } from './read-world.ts';
import type { Entry } from './world.ts';

// Connections to servers that one client leaves and the agent's next one gets. What the server saw, and from which port, is the measure.

const world = new ReadWorld<{ head: string; body: string; from: number; unasked?: true }>();
const agent = (name: string, more: object = {}): object => ({
  name,
  egress: [{ host: 'allow.test', port: 9443 }],
  grants: [],
  secrets: [{ variable: 'KEY', secret: 'api', host: 'allow.test', port: 9443, in: ['bearer', 'basic'], ...more }],
});
const policy = (...agents: object[]): Promise<unknown> =>
  world.warden.call('policy', { roots: [readFileSync(join(world.dir, 'cert.pem'), 'utf8')], agents });
const set = async (value: string): Promise<void> => {
  const { recipient } = (await world.warden.call('secrets.recipient')) as { recipient: string };
  const bytes = Buffer.from(await sealed(value, recipient)).toString('base64');
  await world.warden.call('secrets.set', { name: 'api', sealed: bytes });
};
before(async () => {
  await world.begin('scripted-origin.ts');
  await policy(agent('coder'), agent('other'));
  await world.agent('other');
});
after(() => world.stop());

/** One new connection for each, "METHOD /path", once the gateway is done with the one before. @returns what was answered, and where the server heard each from */
async function ask(name: string, requests: readonly string[], last: object = {}): Promise<[string[], number[]]> {
  const before = world.said.length;
  const answers: string[] = [];
  for (const [method = '', path] of requests.map((one) => one.split(' '))) {
    const code = `
import http.client,ssl,json
c=ssl.create_default_context(cafile=${JSON.stringify(world.authority)})
h=http.client.HTTPSConnection('allow.test',9443,context=c,timeout=20)
h.request('${method}','${path}',body='x' if '${method}'=='POST' else None,headers=json.loads(${JSON.stringify(JSON.stringify(last))}))
a=h.getresponse(); t=a.read().decode(); h.close()
print(a.status,t)`;
    const { out, err } = await world.python(name, code);
    assert.equal(err, '');
    answers.push(out.trim());
    await done();
  }
  return [answers, world.said.slice(before).flatMap(({ from }) => from ?? [])];
}
/** Every connection that was allowed has been closed, or left to the agent's next one. */
async function done(): Promise<void> {
  await world.counted(() => world.events('egress.closed').length, allowed().length, 0);
}
const distinct = (ports: readonly number[]): number => new Set(ports).size;
const allowed = (): Entry[] => world.events('egress.allowed');

test('the next connection of an agent goes out by the one that its last has left, and is on record before its request and with bytes of its own', async () => {
  const from = world.entries.length;
  const [answers, ports] = await ask('coder', ['GET /none', 'GET /none', 'HEAD /none']);
  assert.deepEqual(answers, ['204', '204', '204']);
  assert.equal(distinct(ports), 1, `from ports ${ports}`);
  await world.recorded('egress.closed', () => world.events('egress.closed').length >= 3);
  const since = world.entries.slice(from);
  const order = since.map(({ event }) => event).filter((event) => event !== 'egress.closed');
  assert.deepEqual(order, Array(3).fill(['egress.allowed', 'egress.request']).flat());
  const kept = since.filter(({ event }) => event === 'egress.allowed').map(({ kept: one }) => one);
  assert.deepEqual(kept, [undefined, true, true]);
  const [first, second, third] = since.filter(({ event }) => event === 'egress.closed') as unknown as {
    up: number;
    down: number;
  }[];
  assert.ok(first && second && third && first.down > 800, JSON.stringify(first));
  for (const one of [second, third]) assert.ok(one.up > 50 && one.up < 400 && one.down < 400, JSON.stringify(one));
  const { usage } = (await world.warden.call('usage', { agent: 'coder', days: 1 })) as {
    usage: { up: number; down: number }[];
  };
  const sum = (of: 'up' | 'down'): number => first[of] + second[of] + third[of];
  assert.deepEqual([usage[0]?.up, usage[0]?.down], [sum('up'), sum('down')], 'what is left to the next is counted');
});

test('a client that wants its connection closed after the answer leaves the server’s as well', async () => {
  const [, ports] = await ask('coder', ['GET /none', 'GET /none'], { connection: 'close' });
  assert.equal(distinct(ports), 1);
});

test('what must not be sent twice goes out by a connection of its own', async () => {
  const [answers, ports] = await ask('coder', ['GET /none', 'POST /body']);
  assert.deepEqual([answers, distinct(ports)], [['204', '200 x'], 2]);
});

test('no agent gets what another has left', async () => {
  const [, [one]] = await ask('coder', ['GET /none']);
  const [, [two]] = await ask('other', ['GET /none']);
  assert.notEqual(one, two);
});

test('a server that had ended it is asked by another one, which is on record as well', async () => {
  await policy(agent('coder'), agent('other'));
  const before = allowed().length;
  const [answers, ports] = await ask('coder', ['GET /spent', 'GET /none']);
  assert.deepEqual([answers, distinct(ports)], [['204', '204'], 2]);
  assert.deepEqual(
    allowed()
      .slice(before)
      .map(({ kept }) => kept),
    [undefined, true, undefined],
  );
});

test('one on which something comes unasked is nobody’s', async () => {
  await policy(agent('coder'), agent('other'));
  const [first, [one]] = await ask('coder', ['GET /chatty']);
  await world.heard(({ unasked }) => unasked === true);
  await world.heeded();
  const [second, [two]] = await ask('coder', ['GET /none']);
  assert.deepEqual([first, second], [['204'], ['204']]);
  assert.ok(one !== two, `both from port ${one}`);
});

test('one to where no secret is bound ends with its client, though the server talks on and never ends its side', async () => {
  const { name, egress } = agent('coder') as { name: string; egress: object[] };
  await policy({ name, egress: egress.map((rule) => ({ ...rule, methods: ['GET'] })), grants: [], secrets: [] });
  const before = world.events('egress.closed').length;
  assert.deepEqual((await ask('coder', ['GET /stays']))[0], ['204']);
  await world.recorded('egress.closed', () => world.events('egress.closed').length > before);
});

test('one whose answer ends with the connection, or that was cut, is not kept', async () => {
  const [answers, ports] = await ask('coder', ['GET /close', 'GET /none']);
  assert.deepEqual([answers[1], distinct(ports)], ['204', 2]);
});

test('another policy, other roots and another value of the secret end what is kept', async () => {
  for (const change of [
    () => policy(agent('coder', { in: ['bearer'] }), agent('other')),
    () => set(`another-${VALUE}`),
  ]) {
    const [, [one]] = await ask('coder', ['GET /none']);
    await change();
    const [, [two]] = await ask('coder', ['GET /none']);
    assert.notEqual(one, two, String(change));
  }
  const [, [one]] = await ask('coder', ['GET /none']);
  assert.notEqual(one, undefined);
  await world.warden.call('policy', { roots: [], agents: [agent('coder')] });
  const [answers, heard] = await ask('coder', ['GET /none']);
  assert.match(answers[0] ?? '', /^502 .*not who it should be/);
  assert.deepEqual(heard, []);
});

test('a cap holds for what goes out by it, and nothing of what is over it does', async () => {
  const usage = async (): Promise<{ requests: number; refused: number }> => {
    const { usage } = (await world.warden.call('usage', { agent: 'coder', days: 1 })) as {
      usage: { requests: number; refused: number }[];
    };
    return usage[0] ?? assert.fail();
  };
  const { requests, refused } = await usage();
  await policy({ ...agent('coder'), budget: { requests: requests + 2 } });
  const [answers, ports] = await ask('coder', ['GET /none', 'GET /none', 'GET /none']);
  assert.deepEqual([answers.slice(0, 2), ports.length, distinct(ports)], [['204', '204'], 2, 1]);
  assert.match(answers[2] ?? '', /^403 .*its budget of [0-9,]+ requests for \S+ is used up/);
  const after = await usage();
  assert.deepEqual([after.requests, after.refused], [requests + 2, refused + 1]);
});

test('where no secret is bound, each client has a connection of its own', async () => {
  await policy({ ...agent('coder'), egress: [{ host: 'allow.test', port: 9443, paths: ['/none'] }], secrets: [] });
  const [answers, ports] = await ask('coder', ['GET /none', 'GET /none']);
  assert.deepEqual([answers, distinct(ports)], [['204', '204'], 2]);
});

test('with a ledger that takes nothing, nothing goes out by it', async () => {
  await policy(agent('coder'));
  await ask('coder', ['GET /none']);
  await world.stopLedger();
  const [answers, heard] = await ask('coder', ['GET /none']);
  assert.match(answers[0] ?? '', /^503 .*the record cannot be written/);
  assert.deepEqual(heard, []);
  await world.startLedger();
});

test('a client that offers HTTP/2 gets it only from a server that declined HTTP/2', async () => {
  await new Promise((resolve) => setTimeout(resolve, 300)); // the gateway tries again after a while
  await policy(agent('coder'));
  const curl = (...args: string[]): Promise<unknown> => world.trusting(...args, 'https://allow.test:9443/none');
  const before = world.said.length;
  await ask('coder', ['GET /none']);
  for (const _ of [1, 2]) {
    await curl();
    await done();
  }
  const [first, second, third] = world.said.slice(before).map(({ from }) => from);
  assert.notEqual(first, second, 'it was not offered HTTP/2');
  assert.equal(second, third, 'it declined');
});
