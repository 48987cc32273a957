import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure, failureDocument } from '../../src/model/failure.ts';
import type { WantedFleet } from '../../src/model/fleet.ts';
import { agentName } from '../../src/model/names.ts';
import type { Question } from '../../src/model/question.ts';
import { FLOOD } from '../../src/policy/question/flood.ts';
import { Destinations } from '../../src/programs/warden/inbox/destinations.ts';
import { Inbox } from '../../src/programs/warden/inbox/inbox.ts';
import { InboxStore } from '../../src/programs/warden/inbox/inbox-store.ts';
import type { DestinationGrant } from '../../src/programs/warden/programs/gateway-link.ts';
import { firstOutput } from '../e2e/first-output.ts';
import { World } from './world.ts';

/** The real gateway and the real inbox, joined as the warden joins them. */
const world = new World();
const HOUR = { kind: 'for', ms: 3_600_000 } as const;
let inbox: Inbox;
let destinations: Destinations;
let waitMs = 400;
let refuseRecord = false;
/** How often the gateway has heard that somebody is asked. */
let told = 0;

const fleet = {
  get wanted(): WantedFleet {
    const agents = ['coder', 'other', 'third'].map((name) => ({
      name: agentName(name),
      egress: [],
      egressAsk: name !== 'other',
    }));
    return { agents } as unknown as WantedFleet;
  },
  leases: new Map(),
  granted: (): ReadonlyMap<string, readonly DestinationGrant[]> => new Map(),
};

async function load(): Promise<void> {
  const agents = fleet.wanted.agents.map(({ name, egressAsk }) => ({
    ...{ name, egress: [], grants: fleet.granted().get(name) ?? [] },
    ...(egressAsk && { askMs: waitMs }),
  }));
  await world.warden.call('policy', { agents });
}

before(async () => {
  await world.start({ 'wanted.test': '203.0.113.10', 'inner.test': '10.0.0.1', 'long.test': '203.0.113.11' });
  const record = {
    write: async (entry: object) => {
      if (refuseRecord) throw new Failure('record-failed', 'The ledger is not running.', 'x', 1);
      world.entries.push(entry as never);
    },
    tell: (entry: object) => void world.entries.push(entry as never),
  };
  inbox = new Inbox(new InboxStore(join(world.dir, 'inbox.db')), record);
  destinations = new Destinations(inbox, fleet, () => ({
    policy: load,
    answered: async (agent, question, state) => void (await world.warden.call('answered', { agent, question, state })),
  }));
  world.onQuestion = async ({ id, agent, do: request, terms, grant }) => {
    try {
      const ok =
        request === 'question.ask' ? await destinations.ask(agent, terms) : await destinations.use(agent, grant);
      world.warden.reply({ id, ok: ok ?? {} });
      if (request === 'question.ask') told += 1;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      world.warden.reply({ id, error: failureDocument(error) });
    }
  };
  await load();
  for (const name of ['coder', 'other', 'third']) await world.agent(name);
});
after(async () => {
  if (world.log.length > 0) console.log(world.log.join(''));
  await world.stop();
});

const get = (url: string, agent = 'coder') => world.curl(agent, url).then(({ out, err }) => out + err);
/** Asks, and resolves once that is held. @returns what becomes of it */
async function held(url: string, agent?: string): Promise<{ said: Promise<string> }> {
  const before_ = told;
  const said = get(url, agent);
  for (const late = Date.now() + 20_000; told === before_ && Date.now() < late; ) await sleep(10);
  assert.ok(told > before_, 'it was to be asked');
  await world.heeded();
  return { said };
}
const open = (): Question => {
  const question = inbox.waiting().at(-1);
  assert.ok(question, 'nothing waits');
  return question;
};
async function answer(yes: boolean, scope: Parameters<Inbox['answer']>[2] = { kind: 'once' }): Promise<number> {
  const { id } = open();
  await inbox.answer(id, yes, scope, 1000);
  await destinations.settled();
  return id;
}

test('an unknown host is asked for, and its connection is held, then refused with the number', async () => {
  const begun = Date.now();
  assert.match(await get('http://wanted.test/'), /"waiting for approval 1"/);
  assert.ok(Date.now() - begun > 390);
  assert.deepEqual(
    inbox.waiting().map(({ id, shown, agent }) => [id, shown, agent]),
    [[1, 'wanted.test:80', 'coder']],
  );
});

test('approved once, one connection gets there, on record before it is made, and the next asks again', async () => {
  const id = await answer(true);
  assert.match(await get('http://wanted.test/'), /hello from 203\.0\.113\.10/);
  const events = world.entries.map(({ event }) => event);
  assert.ok(events.indexOf('question.used') < events.indexOf('egress.allowed'));
  assert.equal((await world.recorded('egress.allowed', () => true)).rule, `approval ${id}`);
  assert.match(await get('http://wanted.test/'), /"waiting for approval 2"/);
});

test('an answer that comes while it is held lets it through', async () => {
  waitMs = 20_000;
  await load();
  const { said } = await held('http://wanted.test/');
  const begun = Date.now();
  await answer(true, HOUR);
  assert.match(await said, /hello/);
  assert.ok(Date.now() - begun < 10_000, 'not when its time is up');
  assert.match(await get('http://wanted.test/'), /hello/, 'for an hour means more than once');
});

test('another agent has nothing of it', async () => {
  assert.match(await get('http://wanted.test/', 'other'), /Could not resolve host/);
  const { said } = await held('http://wanted.test/', 'third');
  assert.equal(open().agent, 'third');
  await answer(false);
  assert.match(await said, /a person refused it \(question 3\)/);
});

test('after a refusal the next attempt asks again; refused always, it does not', async () => {
  const { said } = await held('http://wanted.test/', 'third');
  await answer(false, { kind: 'always' });
  assert.match(await said, /a person refused it \(question 4\)/);
  assert.match(await get('http://wanted.test/', 'third'), /a person refused it \(question 4\)/);
  assert.equal(inbox.waiting().length, 0);
});

test('a no that stands right behind the word that a person is asked is heard', async () => {
  const before_ = world.onQuestion;
  const { socket } = world.warden;
  world.onQuestion = ({ id, agent }) => {
    socket.cork();
    world.warden.reply({ id, ok: { state: 'asked', id: 1000 } });
    void world.warden.call('answered', { agent, question: 1000, state: 'refused' });
    socket.uncork();
  };
  try {
    assert.match(await get('http://long.test/', 'third'), /a person refused it \(question 1000\)/);
  } finally {
    world.onQuestion = before_;
  }
});

test('a proxy that is asked by name asks too', async () => {
  waitMs = 400;
  await load();
  for (const proxy of ['http://bulkhead.internal:3128', 'socks5h://bulkhead.internal:1080']) {
    const { err, out } = await world.curl('coder', '-x', proxy, 'https://long.test/');
    assert.match(out + err, /403|Can't complete SOCKS5/);
  }
  assert.deepEqual([open().shown, open().attempts], ['long.test:443', 2]);
  await answer(true, HOUR);
  const { out } = await world.curl('coder', '-x', 'http://bulkhead.internal:3128', 'https://long.test/');
  assert.match(out, /hello from 203\.0\.113\.11:443/);
});

test('revoked, what runs under it ends, and its destination is refused unasked until that is tested', async () => {
  await get('http://long.test:7000/'); // asks
  const id = await answer(true);
  const talks = `import socket
s=socket.create_connection(('long.test',7000));s.sendall(b'\\0x');s.recv(9);print('up\\n',end='',flush=True);s.settimeout(20)
try: print('ended\\n' if s.recv(9)==b'' else 'went on\\n',end='')
except ConnectionError: print('ended\\n',end='')`;
  const talking = world.background('coder', ['/usr/bin/python3', '-c', talks]);
  assert.equal(await firstOutput(talking), 'up\n');
  const then = firstOutput(talking);
  assert.equal(inbox.get(id).state, 'used');
  await load();
  const ended = await world.warden.call('revoke', { agent: 'coder', grant: { id, host: 'long.test', port: 7000 } });
  assert.deepEqual(ended, { ended: 1 });
  assert.equal(await then, 'ended\n');
  const asked = inbox.all().length;
  assert.match(await get('http://long.test:7000/'), new RegExp(`approval ${id} was revoked`));
  assert.equal(inbox.all().length, asked, 'the test of a revoked grant must not be a question');
  assert.equal((await world.recorded('egress.denied', ({ test }) => test === true)).host, 'long.test');
  await world.warden.call('unbar', { agent: 'coder' });
});

test('what is a private network is neither asked for by address, nor reached by an approved name', async () => {
  for (const address of ['10.0.0.1', '127.0.0.1.', '169.254.169.254', '192.168.1.1']
    .slice(0, 1)
    .concat('169.254.169.254', '192.168.1.1'))
    assert.match(await get(`http://${address}/`), /no rule grants the address/);
  await get('http://inner.test/');
  assert.equal(open().shown, 'inner.test:80');
  await answer(true);
  assert.match(await get('http://inner.test/'), /inner\.test resolves to 10\.0\.0\.1, which is private/);
});

test('a public address is asked for as it stands', async () => {
  await get('http://203.0.113.10/');
  assert.equal(open().shown, '203.0.113.10:80');
  await answer(true);
  assert.match(await get('http://203.0.113.10/'), /hello from 203\.0\.113\.10:80/);
});

test('no record, no question and no connection', async () => {
  refuseRecord = true;
  assert.match(await get('http://unrecorded.test/'), /nobody could be asked: The ledger is not running/);
  refuseRecord = false;
  assert.equal(
    inbox.all().some(({ shown }) => shown.startsWith('unrecorded')),
    false,
  );
  await get('http://wanted.test:8080/');
  await answer(true);
  refuseRecord = true;
  assert.match(await get('http://wanted.test:8080/'), /The ledger is not running/);
  refuseRecord = false;
});

test('a flood is limited to one agent, and is one finding', async () => {
  waitMs = 50;
  await load();
  const names = Array.from({ length: FLOOD.burst * 2 }, (_, i) => `flood${i}.test`);
  const said = await Promise.all(names.map((name) => get(`http://${name}/`)));
  assert.ok(said.some((text) => /it has asked too much in too short a time/.test(text)));
  const waiting = inbox.waiting().filter(({ agent }) => agent === 'coder').length;
  assert.ok(waiting > 0 && waiting <= FLOOD.burst, `${waiting} wait`);
  assert.equal(world.events('question.flood').length, 1);
  assert.match(await get('http://fresh.test/', 'third'), /waiting for approval/);
});

test('held connections of one agent are bounded, and a warden that does not answer refuses', async () => {
  const answerer = world.onQuestion;
  world.onQuestion = () => {};
  const begun = Date.now();
  const { out, err } = await world.run('coder', ['curl', '-sS', '-m', '40', 'http://silent.test/']);
  assert.match(out + err, /nobody could be asked/);
  assert.ok(Date.now() - begun < 25_000);
  world.onQuestion = answerer;
});
