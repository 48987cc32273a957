import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeWantedFleet } from '../../src/model/decode.ts';
import { agentOf, parsed, refused, withAgent } from './reading.ts';

const KEY = 'egress: [api.anthropic.com]\nsecrets: { ANTHROPIC_API_KEY: mine }\n';

test('a budget is so much a day; what an agent says replaces the default, cap by cap', () => {
  const lines = `${KEY}budget: { tokens: 2M/day, runs: 40/day, bytes: 1G/day, money: $2.50/day, ask: true }`;
  const before = 'defaults: { budget: { runs: 10/day, requests: 5K/day, repeats: 3/1m } }\n';
  assert.deepEqual(agentOf(lines, before).budget, {
    requests: 5000,
    bytes: 1024 ** 3,
    runs: 40,
    tokens: 2_000_000,
    money: 2_500_000,
    ask: true,
    repeats: { times: 3, ms: 60_000 },
  });
  assert.deepEqual(agentOf('budget: { repeats: any }').budget, { repeats: null });
  assert.equal(agentOf('{}').budget, undefined);
});

test('prices are dollars for a million tokens', () => {
  const { prices } = parsed(
    'fleet: x\nprices: { "my-*": { input: 3, output: 0.25, cache-read: 0 } }\nagents: { a: {} }\n',
  );
  assert.deepEqual(prices, [{ model: 'my-*', input: 3_000_000, output: 250_000, cacheRead: 0 }]);
});

test('a budget and prices come through the warden’s door as they were', () => {
  const wanted = parsed(
    withAgent(`${KEY}budget: { tokens: 1/day, repeats: any }`, 'prices: { m: { input: 1, output: 2 } }\n'),
  );
  assert.deepEqual(decodeWantedFleet(JSON.parse(JSON.stringify(wanted))), wanted);
});

test('a cap that could not be kept is refused when the file is read', () => {
  assert.match(
    refused(withAgent('budget: { tokens: 2M/day }')),
    /^fleet\.yaml:4:23: agents\.a\.budget\.tokens cannot be kept: no connection of agents\.a is read, so its tokens cannot be counted\nBind the key/,
  );
  assert.match(
    refused(
      withAgent(
        `egress: [api.anthropic.com, api.openai.com]\nsecrets: { ANTHROPIC_API_KEY: m }\nbudget: { money: $1/day }`,
      ),
    ),
    /at api\.openai\.com:?\d* is not read\nBind its key there/,
  );
  assert.match(
    refused(withAgent('budget: { money: $5/day }')),
    /is read, so its spending cannot be counted\nBind the key/,
  );
  assert.equal(agentOf('{}', 'defaults: { budget: { tokens: 1M/day } }\n').budget?.tokens, 1_000_000);
});

test('what is no amount is refused in two lines, at its place', () => {
  for (const [budget, message] of [
    ['{ runs: 40 }', /40 in agents\.a\.budget\.runs is not an amount for a day/],
    ['{ runs: 40/hour }', /is not an amount for a day/],
    ['{ runs: 0/day }', /is not an amount for a day/],
    ['{ money: 5/day }', /Write it as \$5\/day/],
    ['{ money: $0.00/day }', /"\$0\.00\/day" is no cap/],
    ['{ bytes: 999999999999T/day }', /is no cap/],
    ['{ repeats: 1/2m }', /is out of range/],
    ['{ repeats: 2/2h }', /"2\/2h" is out of range.*\nWrite 2 to 100000 of the same request in 1s to 1h/],
    ['{ repeats: 20 }', /is not how often/],
    ['{ tokens: 1.5M/day }', /is not an amount for a day/],
    ['{ requests: -1/day }', /is not an amount for a day/],
    ['{ money: $1.234/day }', /is not an amount for a day/],
    ['{ bytes: [1G/day] }', /agents\.a\.budget\.bytes is not an amount for a day/],
    ['{ ask: later }', /agents\.a\.budget\.ask/],
    ['5/day', /agents\.a\.budget/],
    ['{ token: 1/day }', /unknown key "token" in agents\.a\.budget/],
  ] as const)
    assert.match(refused(withAgent(`budget: ${budget}`)), message, budget);
  assert.match(refused('fleet: x\nprices: { m: { input: -1, output: 0 } }\nagents: { a: {} }\n'), /is not a price/);
  assert.match(refused('fleet: x\nprices: { "a b": { input: 1, output: 0 } }\nagents: { a: {} }\n'), /a b/);
  for (const price of [
    'free',
    '{ input: 1 }',
    '{ input: 1, output: 100001 }',
    '{ input: 1, output: 2, cache: 1 }',
    '{ input: "3", output: 1 }',
  ])
    assert.match(refused(`fleet: x\nprices: { m: ${price} }\nagents: { a: {} }\n`), /prices\.m/, price);
  assert.match(refused('fleet: x\nprices: {}\nagents: { a: {} }\n'), /prices/);
});

test('the warden’s door refuses numbers that the file could not have said', () => {
  const wanted = parsed(withAgent(`${KEY}budget: { tokens: 1/day }`, 'prices: { m: { input: 1, output: 2 } }\n'));
  const [agent] = wanted.agents;
  const budget = (change: object): unknown => ({ ...wanted, agents: [{ ...agent, budget: change }] });
  for (const bad of [
    ...[{ tokens: 0 }, { runs: 1.5 }, { bytes: 10 ** 16 }, { money: '5' }, { ask: 'yes' }, { token: 1 }].map(budget),
    ...[{ times: 1, ms: 60_000 }, { times: 2, ms: 999 }, { times: 2 }].map((repeats) => budget({ repeats })),
    { ...wanted, prices: [{ model: 'm', input: -1, output: 2 }] },
    { ...wanted, prices: [{ model: 'a b', input: 1, output: 2 }] },
  ])
    assert.throws(() => decodeWantedFleet(JSON.parse(JSON.stringify(bad))), JSON.stringify(bad));
});
