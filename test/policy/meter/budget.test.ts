import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Budget } from '../../../src/model/budget.ts';
import { Breaker, REST_MS } from '../../../src/policy/meter/breaker.ts';
import { amount, dollars, spent } from '../../../src/policy/meter/caps.ts';
import {
  type DayUsage,
  dayEnd,
  dayUsage,
  emptyDay,
  localDay,
  unknownPrices,
  used,
  withAnswer,
} from '../../../src/policy/meter/day.ts';
import { isModelCall, isModelHost, modelInPath } from '../../../src/policy/meter/model-calls.ts';
import { PRICE_LISTS } from '../../../src/policy/meter/price-list.ts';
import { Prices } from '../../../src/policy/meter/prices.ts';
import { NO_TOKENS } from '../../../src/policy/meter/tokens.ts';

const own = new Prices([{ model: 'my-*', input: 3_000_000, output: 15_000_000, cacheRead: 300_000 }]);
const day = (change: Partial<DayUsage> = {}): DayUsage => ({ ...emptyDay('2026-11-21'), ...change });

test('a model has the price of its own name and of its dated versions, and no other', () => {
  const prices = new Prices();
  const million = { ...NO_TOKENS, output: 1_000_000 };
  for (const [model, cost] of [
    ['claude-opus-4-5', 25],
    ['claude-opus-4-5-20251101', 25],
    ['models/gemini-2.5-pro', 10],
    ['gpt-5', 10],
    ['gpt-5-2025-08-07', 10],
    ['gpt-5-mini', 2],
    ['claude-3-5-haiku-latest', 4],
  ] as const)
    assert.equal(prices.cost(model, million), cost * 1_000_000, model);
  for (const model of [
    'gpt-5-ultra',
    'gpt-5x',
    'gpt-55',
    'claude-opus-4-5-fast',
    'my-model',
    '',
    'anthropic/claude-opus-4-5',
    undefined,
  ])
    assert.equal(prices.cost(model, million), undefined, model);
});

test('each kind of token has its price; long prompts theirs; what an operator says comes first', () => {
  const one = { input: 1_000_000, output: 0, cacheWrite: 1_000_000, cacheWriteHour: 1_000_000, cacheRead: 1_000_000 };
  assert.equal(new Prices().cost('claude-sonnet-4-5', one), (3 + 3.75 + 6 + 0.3) * 1_000_000);
  assert.equal(new Prices().cost('gemini-2.5-pro', { ...NO_TOKENS, input: 200_000, output: 1000 }), 250_000 + 10_000);
  assert.equal(new Prices().cost('gemini-2.5-pro', { ...NO_TOKENS, input: 200_001, output: 1000 }), 500_003 + 15_000);
  assert.equal(own.cost('my-x', { ...NO_TOKENS, input: 1, output: 1 }), 18);
  assert.equal(own.cost('my-x', { ...NO_TOKENS, cacheRead: 1 }), 1, 'rounded up');
  assert.equal(new Prices([{ model: '*', input: 0, output: 0 }]).cost('gpt-5', one), 0, 'a subscription');
});

test('every listed price says where and when it was read, and every name stands once', () => {
  for (const { source, date } of PRICE_LISTS) assert.ok(/^[a-z.]+\//.test(source) && /^2026-\d\d-\d\d$/.test(date));
  const names = PRICE_LISTS.flatMap(({ prices }) => prices.flatMap(({ models }) => models));
  assert.equal(new Set(names).size, names.length);
});

test('what an answer did not say is counted at the most it can be, apart from what was said', () => {
  const said = { ...NO_TOKENS, input: 10, output: 5 };
  const whole = withAnswer(day(), { model: 'my-x', tokens: said, final: true }, 'my-x', { up: 900, down: 700 }, own);
  assert.deepEqual([whole.tokens, whole.answers, whole.unsaid.answers, whole.money], [said, 1, 0, 105]);
  const cut = withAnswer(day(), { model: 'my-x', tokens: said, final: false }, 'my-x', { up: 900, down: 700 }, own);
  assert.deepEqual([cut.tokens, cut.unsaid], [said, { answers: 1, input: 0, output: 695 }]);
  const nothing = withAnswer(day(), { final: false }, 'my-x', { up: 900, down: 700 }, own);
  assert.deepEqual([nothing.answers, nothing.unsaid], [0, { answers: 1, input: 900, output: 700 }]);
  assert.equal(used(nothing, own).tokens, 1600);
  assert.equal(nothing.money, 900 * 3 + 700 * 15);
});

test('a model without a price is kept apart, and has one once somebody says it', () => {
  const one = withAnswer(
    day(),
    { model: 'new', tokens: { ...NO_TOKENS, output: 1_000_000 }, final: true },
    undefined,
    { up: 1, down: 1 },
    own,
  );
  assert.deepEqual([one.money, unknownPrices(one, own)], [0, [{ model: 'new', answers: 1 }]]);
  const later = new Prices([{ model: 'new', input: 0, output: 2_000_000 }]);
  assert.deepEqual([used(one, later).money, unknownPrices(one, later)], [2_000_000, []]);
  let many = day();
  for (let i = 0; i < 100; i++)
    many = withAnswer(many, { model: `m${i}`, final: false }, undefined, { up: 1, down: 1 }, own);
  assert.equal(Object.keys(many.unpriced).length, 21, 'names come from answers: they do not fill memory');
  assert.equal(
    withAnswer(day(), { model: '__proto__', final: false }, undefined, { up: 1, down: 1 }, own).unpriced.toString(),
    '[object Object]',
  );
});

test('the next is refused when a cap is reached, not before, and goes on with what a person has given', () => {
  const budget: Budget = { requests: 2, tokens: 100, money: 1000 };
  assert.equal(spent(budget, day({ requests: 1 }), own, []), undefined);
  assert.match(
    spent(budget, day({ requests: 2 }), own, [])?.why ?? '',
    /^its budget of 2 requests for 2026-11-21 is used up \(2 requests\)$/,
  );
  const given = { id: 1, cap: 'requests', day: '2026-11-21', upTo: 4 } as const;
  assert.equal(spent(budget, day({ requests: 2 }), own, [given]), undefined);
  assert.equal(spent(budget, day({ requests: 2 }), own, [{ ...given, day: '2026-11-20' }])?.cap, 'requests');
  assert.equal(spent(budget, day({ requests: 2 }), own, [{ ...given, cap: 'tokens' }])?.cap, 'requests');
  assert.equal(spent(budget, day({ requests: 4 }), own, [given])?.cap, 'requests');
  assert.equal(spent(budget, day({ tokens: { ...NO_TOKENS, cacheRead: 100 } }), own, [])?.cap, 'tokens');
  assert.equal(spent(budget, day({ tokens: { ...NO_TOKENS, cacheRead: 100 } }), own, [], ['requests']), undefined);
  const unpriced = { new: { answers: 1, tokens: NO_TOKENS } };
  assert.match(spent(budget, day({ unpriced }), own, [])?.why ?? '', /price of the model new is not known/);
  assert.equal(
    spent({ tokens: 100 }, day({ unpriced }), own, []),
    undefined,
    'without a cap in money it does not matter',
  );
});

test('amounts are shown as people write them', () => {
  assert.deepEqual(
    [
      amount('tokens', 2_000_000),
      amount('runs', 1),
      amount('bytes', 1536),
      amount('bytes', 1),
      dollars(2_500_000),
      dollars(12),
      dollars(0),
    ],
    ['2,000,000 tokens', '1 run', '1.5 KiB', '1 byte', '$2.50', '$0.000012', '$0.00'],
  );
});

test('a day is the machine’s, ends at its midnight, and comes back from a file as it was', () => {
  const noon = new Date(2026, 10, 21, 12).getTime();
  assert.equal(localDay(noon), '2026-11-21');
  assert.equal(localDay(dayEnd(noon) - 1), '2026-11-21');
  assert.equal(localDay(dayEnd(noon)), '2026-11-22');
  const full = withAnswer(
    day({ requests: 3, told: ['tokens'] }),
    { model: 'x', final: false },
    undefined,
    { up: 1, down: 2 },
    own,
  );
  assert.deepEqual(dayUsage(JSON.parse(JSON.stringify(full))), full);
  for (const change of [
    { day: 'x' },
    { requests: -1 },
    { tokens: {} },
    { unsaid: null },
    { unpriced: { a: 1 } },
    { told: ['all'] },
    { money: 0.5 },
  ])
    assert.equal(dayUsage({ ...full, ...change }), undefined, JSON.stringify(change));
});

test('the same so often in such a time is refused, rests, and goes on; another is not', () => {
  const repeats = { times: 3, ms: 60_000 };
  const breaker = new Breaker();
  const at = (seconds: number, same = 'a') => breaker.count(same, repeats, 1_000_000_000 + seconds * 1000);
  for (const second of [0, 1, 2]) assert.equal(at(second), undefined);
  assert.deepEqual(at(3), { until: 1_000_003_000 + REST_MS, first: true });
  assert.deepEqual(at(4), { until: 1_000_003_000 + REST_MS, first: false });
  assert.equal(at(4, 'b'), undefined);
  assert.equal(breaker.resting(1_000_004_000), 1);
  assert.equal(at(3 + REST_MS / 1000), undefined, 'it ends by itself');
  const slow = new Breaker();
  for (let minute = 0; minute < 100; minute++) assert.equal(slow.count('a', repeats, minute * 40_000), undefined);
  const crowd = new Breaker();
  for (let i = 0; i < 10_000; i++) crowd.count(String(i), repeats, i);
});

test('calls of models are known by host and path, however the path is spelled', () => {
  for (const [host, path] of [
    ['api.anthropic.com', '/v1/messages'],
    ['api.anthropic.com', '//v1/%6dessages/'],
    ['api.anthropic.com', '/v1/complete'],
    ['proxy.example', '/anthropic/v1/messages'],
    ['api.openai.com', '/v1/chat/completions'],
    ['api.openai.com', '/v1/responses'],
    ['api.openai.com', '/v1/something-new'],
    ['generativelanguage.googleapis.com', '/v1beta/models/gemini-2.5-pro:streamGenerateContent'],
    ['europe-west1-aiplatform.googleapis.com', '/v1/projects/p/locations/l/publishers/google/models/m:generateContent'],
    ['chatgpt.com', '/backend-api/codex/responses'],
  ] as const)
    assert.ok(isModelCall('POST', host, path), `${host}${path}`);
  for (const [method, host, path] of [
    ['GET', 'api.openai.com', '/v1/responses'],
    ['POST', 'api.anthropic.com', '/v1/messages/count_tokens'],
    ['POST', 'api.anthropic.com', '/api/event_logging/batch'],
    ['POST', 'api.openai.com', '/v1/files'],
    ['POST', 'github.com', '/acme/site.git/git-receive-pack'],
  ] as const)
    assert.ok(!isModelCall(method, host, path), `${method} ${host}${path}`);
  assert.ok(isModelHost('aiplatform.googleapis.com') && !isModelHost('evilaiplatform.googleapis.com'));
  assert.equal(modelInPath('/v1beta/models/gemini-2.5-pro:generateContent'), 'gemini-2.5-pro');
  assert.equal(modelInPath('/v1/messages'), undefined);
});
