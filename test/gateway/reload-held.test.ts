import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EgressRule } from '../../src/model/fleet.ts';
import { World } from './world.ts';

// What is held while a person is asked for more of a budget, or while the warden records the use of an approval, and policy changes meanwhile.

const world = new World();
let asked = 0;
let used: (() => void) | undefined;
const rule = (port: number, paths?: readonly string[]): EgressRule => ({
  host: 'allow.test',
  port,
  ...(paths && { paths }),
});

/** One request is left of the budget, and then a person is asked. */
const policy = (
  egress: readonly EgressRule[],
  grants: readonly object[] = [],
  requests: number = 1,
): Promise<unknown> =>
  world.warden.call('policy', {
    agents: [{ name: 'coder', egress, grants, budget: { requests, ask: true }, budgetMs: 20_000 }],
  });

before(async () => {
  await world.start({ 'allow.test': '203.0.113.10' });
  world.onQuestion = ({ id, do: what }) => {
    if (what === 'budget.ask') asked += 1;
    if (what === 'question.use') used = () => world.warden.reply({ id, ok: {} });
    else world.warden.reply({ id, ok: what === 'budget.ask' ? { state: 'asked', id: 7 } : {} });
  };
  await policy([rule(80), rule(8080, ['/a'])]);
  await world.agent('coder');
  assert.match((await world.curl('coder', 'http://allow.test/')).out, /hello/);
});
after(() => world.stop());

/** Sends a request, waits until it is held, changes policy, and gives it what it was held for. @returns the status that it got */
async function heldThrough(url: string, change: () => Promise<unknown>, ...args: readonly string[]): Promise<string> {
  await world.warden.call('allowances', { allowances: [] });
  const before_ = asked;
  const held = world.curl('coder', '-o', '/dev/null', '-w', '%{http_code}', ...args, url);
  for (const late = Date.now() + 20_000; asked === before_ && Date.now() < late; ) await sleep(20);
  assert.ok(asked > before_, 'it was to be held');
  await world.heeded(); // it is held now
  await change();
  const { usage } = (await world.warden.call('usage', { agent: 'coder', days: 1 })) as { usage: { day: string }[] };
  const allowance = { id: 7, agent: 'coder', cap: 'requests', day: usage[0]?.day, upTo: 50 };
  await world.warden.call('allowances', { allowances: [allowance] });
  return (await held).out;
}

/** Requests that servers saw. */
const sent = (): number => world.seen.filter(({ seen }) => seen !== '').length;

test('a request that was held goes on by the policy that stands by then', async () => {
  const both = [rule(80), rule(8080, ['/a'])];
  assert.equal(await heldThrough('http://allow.test/', () => policy(both)), '200');
  assert.equal(await heldThrough('http://allow.test:8080/a', () => policy(both)), '200');
  for (const late = Date.now() + 20_000; sent() < 3 && Date.now() < late; ) await sleep(20);
  assert.equal(sent(), 3);
});

test('one to a destination that is no longer granted is ended', async () => {
  assert.equal(await heldThrough('http://allow.test/', () => policy([rule(8080, ['/a'])])), '000');
  assert.equal(sent(), 3);
});

/** Refused in words, or ended by the policy that came. */
const STOPPED = /^(?:403|000)$/;

test('one for a path that is no longer granted goes nowhere, where requests are read and by the explicit proxy', async () => {
  const change = (): Promise<unknown> => policy([rule(80), rule(8080, ['/b'])]);
  await policy([rule(80), rule(8080, ['/a'])]);
  assert.match(await heldThrough('http://allow.test:8080/a', change), STOPPED);
  await policy([rule(80), rule(8080, ['/a'])]);
  assert.match(await heldThrough('http://allow.test:8080/a', change, '-x', 'http://bulkhead.internal:3128'), STOPPED);
  assert.equal(sent(), 3);
});

test('a connection that was to pass unread does not, where requests are to be read by now', async () => {
  await policy([rule(80), rule(8443)]);
  assert.equal(await heldThrough('https://allow.test:8443/', () => policy([rule(80), rule(8443, ['/a'])])), '000');
  assert.equal(sent(), 3);
});

test('an approval that is gone while its use is being recorded grants nothing', async () => {
  const grant = { id: 9, host: 'allow.test', port: 80, once: false };
  await policy([rule(443)], [grant], 1000);
  const held = world.curl('coder', '-o', '/dev/null', '-w', '%{http_code}', 'http://allow.test/');
  for (const late = Date.now() + 20_000; used === undefined && Date.now() < late; ) await sleep(20);
  assert.ok(used, 'its use was to be recorded');
  await policy([rule(443)], [], 1000);
  used();
  assert.match((await held).out, STOPPED);
  assert.equal(sent(), 3);
});
