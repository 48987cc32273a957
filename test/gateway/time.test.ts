import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../src/model/failure.ts';
import { NOT_ROOT } from '../e2e/stand.ts';
import {
  asked,
  at,
  clock,
  denied,
  heard,
  isDenied,
  isTime,
  nameOf,
  PLAIN,
  request,
  rules,
  send,
  startTimeWorld,
  world,
} from './time-world.ts';

const CANARY = 'carried!';
const skip = NOT_ROOT;

before(async () => {
  if (!NOT_ROOT) await startTimeWorld();
});
after(async () => {
  if (NOT_ROOT) return;
  if (world.log.length > 0) console.log(world.log.join(''));
  await world.stop();
});

test('a granted server is asked in our own words, and the agent is answered as it asked', { skip }, async () => {
  await rules(clock('plain.test'));
  const [four, six] = [
    await send('coder', 'plain.test', [PLAIN]),
    await send('coder', 'plain.test', [request('aabbccddeeff0011', 3)]),
  ];
  assert.ok(isTime(four[0]) && isTime(six[0]));
  assert.equal(heard(four[0]).origin, '0102030405060708');
  assert.deepEqual([heard(six[0]).origin, heard(six[0]).version], ['aabbccddeeff0011', 3]);
  assert.equal(asked.length, 1, 'one question in so many seconds');
  assert.equal(asked[0]?.question.slice(0, 80), `23000020${'00'.repeat(36)}`);
  assert.notEqual(asked[0]?.question.slice(80), '0102030405060708');
  const closed = await world.recorded('egress.closed', (one) => one.host === 'plain.test');
  assert.deepEqual([closed.up, closed.down, closed.address, closed.via], [48, 48, at(0), 'ntp']);
  const events = world.entries.filter((one) => one.host === 'plain.test').map(({ event, rule }) => [event, rule]);
  assert.deepEqual(events[0], ['egress.allowed', '{ ntp: plain.test }']);
});

test('what one agent has asked, another cannot tell: each has a question of its own', { skip }, async () => {
  await rules(clock('plain.test'));
  await send('coder', 'plain.test', [PLAIN, PLAIN]);
  await send('clerk', 'plain.test', [PLAIN, PLAIN]);
  assert.equal(asked.length, 2);
  assert.notEqual(asked[0]?.question, asked[1]?.question);
  assert.notEqual(asked[0]?.port, asked[1]?.port);
});

test('no byte of a request goes out, in whatever field or mode, and what is no plain request is refused and on record', {
  skip,
}, async () => {
  await rules(clock('plain.test'));
  const canary = Buffer.from(CANARY).toString('hex');
  const filled = `23${canary.slice(2).padEnd(94, canary)}`;
  const odd = [
    ...[
      `${PLAIN}${'0204001c'.padEnd(56, canary)}`,
      `${PLAIN}00000001${canary}${canary}`,
      PLAIN.slice(0, -2),
      '',
      canary.repeat(200),
    ],
    ...['16', '17', '19', '21', '25', '1a', '1c', '1e', '0b', '13', '2b'].map((first) => first + filled.slice(2)),
  ];
  await sleep(1100); // twenty a second are heard, and some of this second's were asked before
  const answers = await send('coder', 'plain.test', [...odd, filled]);
  assert.deepEqual(
    answers.slice(0, -1),
    odd.map(() => ''),
  );
  assert.ok(isTime(answers.at(-1)));
  assert.equal(asked.length, 1);
  assert.ok(!asked[0]?.question.includes(canary.slice(2, 10)));
  const refused = (): number => denied('plain.test').reduce((sum, { count }) => sum + Number(count ?? 1), 0);
  assert.equal(await world.counted(refused, odd.length), odd.length);
  assert.ok(denied('plain.test').every(({ why }) => String(why).startsWith('no plain request for the time')));
});

test('what is not granted is denied in the protocol, recorded, and explained with the line that would grant it', {
  skip,
}, async () => {
  await rules(clock('plain.test'), { host: 'silent.test', port: 123 }, { host: 'other.test', port: 443 });
  for (const host of ['silent.test', 'other.test', '203.0.113.101', '2001:db8::7'])
    assert.ok(isDenied((await send('coder', host, [PLAIN]))[0]), host);
  assert.deepEqual(asked, []);
  for (const host of ['silent.test', 'other.test', '203.0.113.101', '2001:db8::7'])
    assert.equal(denied(host).length, 1, host);
  const { out } = await world.curl('coder', 'http://bulkhead.internal/denials');
  assert.match(out, /agents\.coder\.egress: \[\{ ntp: silent\.test \}\]/);
  const tcp = await world.curl('coder', 'http://plain.test:123/');
  assert.match(tcp.out, /no rule grants plain\.test/);
});

test('a server is named by where the datagram was sent, whatever source the agent chose for it', { skip }, async () => {
  await rules(clock('plain.test', at(0)), clock(at(0)));
  assert.ok(isDenied((await send('coder', '203.0.113.101', [PLAIN], { from: at(0) }))[0]));
  assert.equal(denied('203.0.113.101').length, 1);
  assert.ok(isTime((await send('coder', at(0), [PLAIN], { from: '203.0.113.101' }))[0]));
  assert.deepEqual(
    asked.map(({ address }) => address),
    [at(0)],
  );
});

test('an answer that is none is not passed on, and the record says what it was', { skip }, async () => {
  const wrong = ['silent', 'origin', 'mode', 'leap', 'stratum', 'long', 'kiss', 'elsewhere'];
  await rules(...wrong.map((kind) => clock(nameOf(kind))));
  const answers = await Promise.all(wrong.map((kind) => send('coder', nameOf(kind), [PLAIN], { wait: 2.3 })));
  assert.deepEqual(
    answers,
    wrong.map(() => ['']),
  );
  const why: Readonly<Record<string, RegExp>> = {
    ...{ silent: /no answer in time$/, origin: /another request/, mode: /its mode is 5/, leap: /not synchronised/ },
    ...{
      stratum: /not synchronised/,
      long: /more than 48 bytes/,
      kiss: /asks not to be asked: GPS|a code that is none/,
      elsewhere: /no answer/,
    },
  };
  for (const kind of wrong) {
    const closed = await world.recorded('egress.closed', (one) => one.host === nameOf(kind));
    assert.match(String(closed.why), why[kind] ?? /^$/, kind);
  }
  assert.equal(asked.length, wrong.length, 'each was asked once');
  await send('coder', 'silent.test', [PLAIN], { wait: 0.5 });
  assert.equal(asked.length, wrong.length, 'who did not answer is not asked again at once');
});

test('a wrong answer before the right one is passed over, and a flood of them is given up', { skip }, async () => {
  await rules(clock('late.test'), clock('flood.test'));
  assert.ok(isTime((await send('coder', 'late.test', [PLAIN]))[0]));
  assert.deepEqual(await send('coder', 'flood.test', [PLAIN], { wait: 0.5 }), ['']);
  const closed = await world.recorded('egress.closed', (one) => one.host === 'flood.test');
  assert.match(String(closed.why), /answers that are none/);
});

test('of a server’s own fields nothing reaches the agent but the time', { skip }, async () => {
  await rules(clock('telling.test'));
  const [line = ''] = await send('coder', 'telling.test', [PLAIN]);
  assert.ok(isTime(line));
  assert.equal(line.slice(0, 8), '240204f6');
  assert.equal(heard(line).id, '\xc0\0\x02\x7b');
});

test('without a record, and over a budget, nothing is asked', { skip }, async () => {
  await rules(clock('plain.test'));
  world.ledgerRefuses = new Failure('full', 'the disk is full', 'Make room.', 1);
  assert.deepEqual(await send('coder', 'plain.test', [PLAIN], { wait: 0.5 }), ['']);
  world.ledgerRefuses = undefined;
  const policy = {
    name: 'saver',
    egress: [clock('plain.test'), clock('late.test')],
    budget: { requests: 1 },
    grants: [],
  };
  await world.warden.call('policy', { agents: [] });
  await world.warden.call('policy', { agents: [policy] });
  assert.deepEqual(asked, []);
  const answers = [
    await send('saver', 'plain.test', [PLAIN]),
    await send('saver', 'late.test', [PLAIN], { wait: 0.5 }),
  ];
  assert.deepEqual([isTime(answers[0]?.[0]), answers[1]], [true, ['']]);
  assert.deepEqual(
    asked.map(({ address }) => address),
    [at(0)],
  );
  await world.recorded('egress.denied', ({ host, why }) => host === 'late.test' && /budget|requests/.test(String(why)));
});

/** Takes the rule away while its server is asked, which has two seconds to answer: tried again when that was over before. */
async function tookAway(): Promise<{ out: string; why: unknown }> {
  for (let round = 0; ; round++) {
    await rules(clock('silent.test'), clock('plain.test'));
    await send('coder', 'plain.test', [PLAIN]);
    const { out } = await world.python('coder', "print(socket.gethostbyname('silent.test'))");
    const under = send('coder', 'silent.test', [PLAIN], { wait: 1.5 });
    for (const late = Date.now() + 20_000; asked.length < 2 && Date.now() < late; ) await sleep(5);
    await world.policy({ coder: [clock('plain.test')] });
    const { why } = await world.recorded('egress.closed', (one) => one.host === 'silent.test');
    assert.deepEqual(await under, ['']);
    if (why !== 'not reached: no answer in time' || round === 4) return { out, why };
  }
}

test('a rule that is taken away ends the question that is under way, and the next is denied', { skip }, async () => {
  const { out, why } = await tookAway();
  assert.equal(why, 'not reached: policy changed');
  assert.ok(isDenied((await send('coder', out.trim(), [PLAIN]))[0]));
  assert.ok(isTime((await send('coder', 'plain.test', [PLAIN]))[0]));
  assert.equal(asked.length, 2, 'what is still granted is not asked again');
});

test('a name that leads inward is refused, and so are more servers at once than an agent has use for', {
  skip,
}, async () => {
  await rules(clock('inner.test'), ...[1, 2, 3, 4, 5, 6, 7, 8].map((i) => clock(`clock${i}.test`, at(0))));
  assert.deepEqual(await send('coder', 'inner.test', [PLAIN], { wait: 0.3 }), ['']);
  const inward = await world.recorded('egress.denied', ({ host }) => host === 'inner.test');
  assert.match(String(inward.why), /resolves to 10\.0\.0\.7, which is private/);
  const answers: boolean[] = [];
  for (const i of [1, 2, 3, 4, 5, 6, 7]) answers.push(isTime((await send('coder', `clock${i}.test`, [PLAIN]))[0]));
  assert.deepEqual(
    answers,
    answers.map(() => true),
  );
  assert.deepEqual(await send('coder', 'clock8.test', [PLAIN], { wait: 0.3 }), ['']);
  const last = await world.recorded('egress.denied', ({ host }) => host === 'clock8.test');
  assert.equal(last.why, 'too many time servers at once');
  assert.equal(asked.length, 7);
});

test('a flood is one question to the server, answers at a bounded rate, and counts in the record', {
  skip,
}, async () => {
  await rules(clock('plain.test'));
  const { out } = await world.python(
    'coder',
    `
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.connect((socket.gethostbyname('plain.test'),123)); s.settimeout(20); began=time.time()
for i in range(2000):
  try: s.send(bytes.fromhex('${PLAIN}'))
  except OSError: pass
n=0; took=time.time()-began
try:
  while s.recv(100): n+=1; s.settimeout(1)
except OSError: pass
print(n,took)`,
  );
  const [answers = 0, seconds = 0] = out.trim().split(' ').map(Number);
  assert.ok(answers > 0 && answers <= 100 + 20 * seconds, `${answers} answers in ${seconds} s`);
  assert.equal(asked.length, 1);
  const counted = await world.recorded('egress.denied', ({ why }) => why === 'too many requests for the time at once');
  assert.equal(counted.via, 'ntp');
});
