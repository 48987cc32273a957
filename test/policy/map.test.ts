import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { MeasuredWall } from '../../src/model/documents.ts';
import { WALLS, type Wall } from '../../src/model/enforcement.ts';
import type { WantedAgent } from '../../src/model/fleet.ts';
import { agentName, secretName } from '../../src/model/names.ts';
import { age, span } from '../../src/policy/age.ts';
import { interpreter } from '../../src/policy/interpreters.ts';
import { blastRadius } from '../../src/policy/map.ts';

const NOW = Date.parse('2026-11-21T12:00:00.000Z');
const AT = '2026-11-21T11:59:48.000Z';

const CODER: WantedAgent = {
  name: agentName('coder'),
  tier: 'sandbox',
  workspace: { kind: 'own' },
  env: {},
  exec: { sets: ['base'], allow: [], deny: [], own: 'never', ask: 'never' },
  limits: { memory: 2 ** 31, processes: 256, cpu: 100, disk: 5 * 2 ** 30 },
  egress: [
    { host: 'a.example.test', port: 443 },
    { host: 'b.example.test', port: 443 },
    { host: 'c.example.test', port: 443 },
  ],
  ports: [],
  knowledge: [],
};

const full = (wall: Wall): MeasuredWall => ({ wall, level: 'full', probedAt: AT });

test('what it may use up in a day is part of the sentence, and more of it of what it may ask for', () => {
  const capped: WantedAgent = { ...CODER, budget: { tokens: 2_000_000, money: 5_000_000, ask: true } };
  const { sentence, spend, ask } = blastRadius(capped, [], NOW);
  assert.match(sentence, /can change its own workspace, reach 3 hosts and use up 2M tokens and \$5\.00 a day\./);
  assert.deepEqual(spend.budget, ['2M tokens', '$5.00']);
  assert.deepEqual(ask, ['more of its budget, day by day']);
  assert.equal(blastRadius({ ...CODER, budget: { repeats: null } }, [], NOW).spend.budget, undefined);
});

test('with every wall measured it is one sentence of what it can and one of what it cannot', () => {
  const shared: WantedAgent = { ...CODER, workspace: { kind: 'shared', path: '/home/you/site' } };
  assert.equal(
    blastRadius(shared, WALLS.map(full), NOW).sentence,
    'If coder is fully hijacked it can change /home/you/site and reach 3 hosts. It cannot read anything else in your home, keys or ' +
      'other agents, reach anything else, run outside its compartment, start programs that it was not given, use more than its ' +
      'limits, or alter the record. Measured 12 s ago.',
  );
});

test('what it may reach is shown with the requests that are meant, and with what brought the rule', () => {
  const rule = { host: 'a.test', port: 443, methods: ['GET', 'POST'], paths: ['/v1/**'], query: { s: ['x', 'y'] } };
  const agent: WantedAgent = {
    ...CODER,
    egress: [
      rule,
      { host: 'b.test', port: 80, types: ['text/plain'], from: 'preset b' },
      { host: 'c.test', port: 443, from: 'preset c' },
    ],
  };
  assert.deepEqual(blastRadius(agent, [], NOW).reach, [
    'a.test:443 (only GET POST /v1/** ?s=x|y)',
    'b.test:80 (only text/plain; preset b)',
    'c.test:443 (preset c)',
  ]);
});

test('a wall that was not measured, or not in full, takes its claim out of the sentence', () => {
  const doubtful: readonly ((wall: Wall) => MeasuredWall | undefined)[] = [
    () => undefined,
    (wall) => ({ wall, level: 'full' }),
    (wall) => ({ wall, level: 'full', probedAt: 'yesterday' }),
    (wall) => ({ wall, level: 'partial', missing: ['a hole'], probedAt: AT }),
    (wall) => ({ wall, level: 'none', why: 'gone', probedAt: AT }),
    (wall) => ({ wall, level: 'unknown', why: 'no answer', probedAt: AT }),
  ];
  const radius = (changed: readonly Wall[], doubt: (wall: Wall) => MeasuredWall | undefined) =>
    blastRadius(
      CODER,
      WALLS.flatMap((wall) => (changed.includes(wall) ? (doubt(wall) ?? []) : full(wall))),
      NOW,
    );
  const check = fc.property(fc.subarray([...WALLS]), fc.constantFrom(...doubtful), (changed, doubt) => {
    const { sentence, cannot } = radius(changed, doubt);
    const said = /It cannot (.*?)\. (?:Not|Measured|What)/u.exec(sentence)?.[1] ?? '';
    for (const { claim, walls, proven } of cannot) {
      assert.equal(proven, !walls.some((wall) => changed.includes(wall)), `${claim}, ${changed}`);
      assert.equal(said.includes(claim), proven, sentence);
      if (!proven && changed.length < WALLS.length) assert.match(sentence, /Not proven: that it cannot|not proven/u);
    }
  });
  fc.assert(check, { seed: 20261121, numRuns: 500 });
});

test('every wall carries a claim', () => {
  const carried = blastRadius(CODER, [], NOW).cannot.flatMap(({ walls }) => walls);
  for (const wall of WALLS) assert.ok(carried.includes(wall), wall);
});

test('the age is that of the oldest measurement', () => {
  const measured = WALLS.map((wall) =>
    wall === 'exec' ? { ...full(wall), probedAt: '2026-11-21T09:30:00.000Z' } : full(wall),
  );
  const { sentence, measuredAt } = blastRadius(CODER, measured, NOW);
  assert.match(sentence, /Measured 2 h ago\.$/);
  assert.equal(measuredAt, '2026-11-21T09:30:00.000Z');
});

test('code is any where an interpreter, or what the agent builds, may start', () => {
  const code = (exec: Partial<WantedAgent['exec']>, programs?: readonly string[]) =>
    blastRadius({ ...CODER, exec: { ...CODER.exec, ...exec } }, [], NOW, programs).run;
  assert.equal(code({}).code, 'shell');
  assert.deepEqual(
    [code({ sets: ['base', 'node'] }).code, code({ sets: ['base', 'node'] }).because],
    ['any', ['node']],
  );
  assert.deepEqual(code({ sets: ['python'] }).because, ['python']);
  assert.equal(code({ allow: ['/opt/py/bin/python3.12'] }).code, 'any');
  assert.deepEqual(code({ own: 'allow' }).because, ['programs it has made itself']);
  assert.equal(code({ sets: [], allow: ['jq', 'cat'] }).code, 'listed');
  assert.equal(code({ sets: [], allow: ['jq'] }, ['jq', '/usr/bin/perl5.36.0']).code, 'any');
});

test('an interpreter is known by any of its names', () => {
  for (const name of ['python3', 'python3.11', '/usr/bin/node', 'node-24', 'lua5.4', 'perl', 'ruby3.1', 'php8.2'])
    assert.equal(interpreter(name)?.code, 'any', name);
  for (const name of ['sh', '/bin/bash', 'mawk']) assert.equal(interpreter(name)?.code, 'shell', name);
  for (const name of ['cat', 'jq', 'grep', '', '/', 'notnode', '7']) assert.equal(interpreter(name), undefined, name);
});

test('an age is never made younger, and a clock that disagrees is said', () => {
  assert.deepEqual([0, 12_999, 119_999, 120_000, 7_199_999, 7_200_000, 172_800_000].map(span), [
    '0 s',
    '12 s',
    '119 s',
    '2 min',
    '119 min',
    '2 h',
    '2 days',
  ]);
  assert.deepEqual([500, 1000, -3000, Number.NaN].map(age), [
    'just now',
    '1 s ago',
    'in the future, by this clock',
    'at an unknown time',
  ]);
});

test('an agent on the host’s own files is said to read what everybody reads and to start what is there', () => {
  const { sentence, read, run, cannot } = blastRadius({ ...CODER, tier: 'user' }, WALLS.map(full), NOW, []);
  assert.match(
    sentence,
    /^If coder is fully hijacked it can change its own workspace, read what everybody on this machine may read, start every program of this machine, run any code in its compartment and reach 3 hosts\./,
  );
  assert.ok(read.includes('what everybody on this machine may read'));
  assert.deepEqual([run.code, run.all, run.because], ['any', true, ['every program of this machine']]);
  const reading = cannot.find(({ claim }) => claim.startsWith('read'));
  assert.deepEqual(
    reading?.walls,
    ['identity', 'files', 'processes'],
    'files is partial there, so it is never said as proven',
  );
});

test('what a person has approved is part of what it can reach, and what it may ask for is said', () => {
  const asking: WantedAgent = { ...CODER, egress: [], egressAsk: true };
  const none = blastRadius(asking, WALLS.map(full), NOW);
  assert.match(none.sentence, /reach any network/);
  assert.deepEqual([none.reach, none.ask], [[], ['any other host, one by one (egress-ask)']]);
  const one = blastRadius(asking, WALLS.map(full), NOW, [], [{ id: 3, host: 'd.example.test', port: 443 }]);
  assert.match(one.sentence, /and reach d\.example\.test\. It cannot .*reach anything else/);
  assert.deepEqual(one.reach, ['d.example.test:443 (approval 3)']);
});

test('a secret is named with where it may be used, and an agent without any has no such line', () => {
  const binding = { variable: 'KEY', secret: secretName('api'), host: 'a.example.test', port: 443, in: ['bearer'] };
  const secrets = [binding, { ...binding, host: 'b.example.test', methods: ['GET'], paths: ['/x/**'] }];
  assert.deepEqual(blastRadius({ ...CODER, secrets }, [], NOW).use, [
    'the secret api at a.example.test:443, without holding it',
    'the secret api at b.example.test:443 (GET /x/**), without holding it',
  ]);
  assert.equal(blastRadius(CODER, [], NOW).use, undefined);
});
