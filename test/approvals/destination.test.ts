import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { NOT_ROOT, type Stand, withFleet } from '../e2e/stand.ts';

const FLEET = `
agents:
  asker:
    limits: { memory: 256M, processes: 64, cpu: 100%, disk: 64M }
    egress-ask: true
    ask: { wait: 2s, deadline: 1h }
  other:
    limits: { memory: 128M, processes: 64, cpu: 100%, disk: 64M }
`;

const curl = (stand: Stand, agent: string, url: string): ReturnType<Stand['run']> =>
  stand.run(agent, ['curl', '-sS', '-m', '15', '-w', ' %{http_code}', url]);

async function entries(stand: Stand, event: string): Promise<Record<string, unknown>[]> {
  return (await stand.bulkhead(['ledger', 'tail', '--event', event, '--last', '100', '--json'])).json.entries;
}

test('an unknown destination', { skip: NOT_ROOT }, async (t) => {
  await withFleet(FLEET, async (stand) => {
    await t.test('is asked for, held for a short time, and refused cleanly', async () => {
      const begun = Date.now();
      const { stdout } = await curl(stand, 'asker', 'http://wanted.test/');
      assert.match(stdout, / 403$/);
      const told = JSON.parse(stdout.replace(/ 403$/, ''));
      assert.match(told.rule, /waiting for approval 1/);
      assert.ok(Date.now() - begun >= 2000, 'it was not held');
      const { json } = await stand.bulkhead(['approvals', '--json']);
      assert.equal(json.approvals.length, 1);
      const [{ id, kind, agent, shown, state }] = json.approvals;
      assert.deepEqual(
        { id, kind, agent, shown, state },
        {
          ...{ id: 1, kind: 'destination', agent: 'asker', shown: 'wanted.test:80', state: 'asked' },
        },
      );
    });
    await t.test('is one question however often it is tried, and status says that it waits', async () => {
      await curl(stand, 'asker', 'http://wanted.test/again');
      const { json } = await stand.bulkhead(['approvals', '--json']);
      assert.deepEqual(
        json.approvals.map(({ id, attempts }: { id: number; attempts: number }) => [id, attempts]),
        [[1, 2]],
      );
      assert.match((await stand.bulkhead(['status'])).stdout, /One question waits for an answer: bulkhead approvals/);
    });
    await t.test('is not asked for by an agent whose policy does not say so', async () => {
      const { stderr } = await curl(stand, 'other', 'http://wanted.test/');
      assert.match(stderr, /Could not resolve host/);
      assert.equal((await stand.bulkhead(['approvals', '--json'])).json.approvals.length, 1);
    });
    await t.test('approved, is reached by the next attempt, and by one only', async () => {
      const approved = await stand.bulkhead(['approve', '1']);
      assert.equal(approved.status, 0, approved.stderr);
      assert.match(approved.stdout, /1 approved for one attempt, within an hour: asker, destination wanted.test:80/);
      const { stdout } = await curl(stand, 'asker', 'http://wanted.test/');
      assert.match(stdout, / 502$/, 'this machine has no internet: the name is looked up, and not found');
      assert.match((await curl(stand, 'asker', 'http://wanted.test/')).stdout, /waiting for approval 2/);
    });
    await t.test('is on record at each step, in order', async () => {
      const [asked, answered, used] = await Promise.all(
        ['question.asked', 'question.answered', 'question.used'].map((event) => entries(stand, event)),
      );
      assert.deepEqual(
        asked?.map(({ id }) => id),
        [1, 2],
      );
      assert.deepEqual(
        answered?.map(({ id, answer, operator }) => [id, answer, operator]),
        [[1, 'approved', 0]],
      );
      assert.deepEqual(
        used?.map(({ id, uses }) => [id, uses]),
        [[1, 1]],
      );
      const [allowed] = (await entries(stand, 'egress.allowed')).filter(({ rule }) => rule === 'approval 1');
      assert.ok(
        allowed && Number(used?.[0]?.index) < Number(allowed.index),
        'the use is recorded before the connection',
      );
    });
    await t.test('is let through while it is held, when the answer comes in time', async () => {
      stand.write(FLEET.replace('wait: 2s', 'wait: 20s'));
      assert.equal((await stand.bulkhead(['up'])).status, 0);
      const held = curl(stand, 'asker', 'http://wanted.test/');
      await sleep(1500);
      const begun = Date.now();
      assert.equal((await stand.bulkhead(['approve', '2'])).status, 0);
      assert.match((await held).stdout, / 502$/);
      assert.ok(Date.now() - begun < 8000);
    });
  });
});
