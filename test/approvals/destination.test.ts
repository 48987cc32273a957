import assert from 'node:assert/strict';
import { chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { NOT_ROOT, type Stand, withFleetBeside } from '../e2e/stand.ts';

const FLEET = `
operators:
  person: { user: nobody }
agents:
  asker:
    limits: { memory: 256M, processes: 64, cpu: 100%, disk: 64M }
    egress-ask: true
    ask: { wait: 2s, deadline: 1h }
  other:
    limits: { memory: 128M, processes: 64, cpu: 100%, disk: 64M }
`;

const curl = (stand: Stand, agent: string, url: string, seconds = 60): ReturnType<Stand['run']> =>
  stand.run(agent, ['curl', '-sS', '-m', String(seconds), '-w', ' %{http_code}', url]);

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  for (const late = Date.now() + 60_000; !(await holds()); await sleep(100)) assert.ok(Date.now() < late, what);
}

async function entries(stand: Stand, event: string): Promise<Record<string, unknown>[]> {
  return (await stand.bulkhead(['ledger', 'tail', '--event', event, '--last', '100', '--json'])).json.entries;
}

test('an unknown destination', { skip: NOT_ROOT }, async (t) => {
  await withFleetBeside(FLEET, async (stand) => {
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
      stand.write(FLEET.replace('wait: 2s', 'wait: 5m'));
      assert.equal((await stand.bulkhead(['up'])).status, 0);
      const attempts = async (): Promise<number> =>
        (await stand.bulkhead(['approvals', '--json'])).json.approvals[0]?.attempts;
      const before = await attempts();
      const held = curl(stand, 'asker', 'http://wanted.test/', 120);
      await until(async () => (await attempts()) > before, 'it does not ask');
      assert.equal((await stand.bulkhead(['approve', '2'])).status, 0);
      assert.match((await held).stdout, / 502$/, 'long before it would have been refused');
    });
    await t.test('is answered by people only: an operator may, an agent may not', async () => {
      stand.write(`${FLEET}notify: [sh, -c, "cat >> ${stand.folder}/told"]\n`);
      writeFileSync(`${stand.folder}/told`, '');
      chownSync(`${stand.folder}/told`, 65534, 65534);
      chmodSync(stand.folder, 0o755);
      assert.equal((await stand.bulkhead(['up'])).status, 0);
      await curl(stand, 'asker', 'http://another.test/');
      const as = (uid: number, args: readonly string[]): ReturnType<Stand['bulkhead']> => {
        const drop = ['/usr/bin/setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
        return stand.bulkhead(args, { program: [...drop, `${stand.state}/lib/0.1.0/bulkhead`] });
      };
      const agent = Number((await stand.run('asker', ['id', '-u'])).stdout);
      assert.ok(agent > 1000);
      for (const args of [['approve', '3', '--always'], ['approvals'], ['grants'], ['revoke', '1']]) {
        const refused = await as(agent, args);
        assert.equal(refused.status, 1, refused.stdout + refused.stderr);
        assert.match(refused.stderr, /who is no operator of this fleet/);
      }
      const approved = await as(65534, ['approve', '3', '--for', '1h']);
      assert.equal(approved.status, 0, approved.stderr);
      const [last] = (await entries(stand, 'question.answered')).slice(-1);
      assert.deepEqual([last?.id, last?.operator], [3, 65534]);
    });
    await t.test('is told of by the command in notify, which ran as that person', async () => {
      await until(async () => (await entries(stand, 'notify.sent')).length > 0, 'nobody was told');
      const told = readFileSync(`${stand.folder}/told`, 'utf8').trim().split('\n');
      assert.deepEqual(
        told.map((line) => JSON.parse(line)).map(({ about, id, agent }) => [about, id, agent]),
        [['asked', 3, 'asker']],
      );
      assert.equal((await entries(stand, 'notify.sent')).length, 1);
    });
    await t.test('stays approved when the warden is killed, and the record goes on', async () => {
      const { programs } = (await stand.bulkhead(['status', '--json'])).json;
      const { pid } = programs.find(({ name }: { name: string }) => name === 'warden');
      process.kill(pid, 'SIGKILL');
      await standsAgain(stand, pid);
      assert.match((await curl(stand, 'asker', 'http://another.test/')).stdout, / 502$/);
      assert.equal((await stand.bulkhead(['grants', '--json'])).json.grants[0].id, 3);
    });
    await t.test('revoked, is refused from that moment, as a test from inside has found', async () => {
      const revoked = await stand.bulkhead(['revoke', '3', '--json']);
      assert.equal(revoked.status, 0, revoked.stderr);
      assert.equal(revoked.json.tested, 'refused');
      assert.deepEqual((await stand.bulkhead(['grants', '--json'])).json.grants, []);
      assert.match((await curl(stand, 'asker', 'http://another.test/')).stdout, /waiting for approval 4/);
    });
    await t.test('denied always, is not asked for again until that is taken back', async () => {
      assert.equal((await stand.bulkhead(['deny', '4', '--always'])).status, 0);
      assert.match((await curl(stand, 'asker', 'http://another.test/')).stdout, /a person refused it \(question 4\)/);
      assert.equal((await stand.bulkhead(['revoke', '4'])).status, 0);
      assert.match((await curl(stand, 'asker', 'http://another.test/')).stdout, /waiting for approval 5/);
    });
    await t.test('is not asked for any more once policy does not say so', async () => {
      stand.write(FLEET.replace('egress-ask: true', 'egress-ask: false'));
      assert.equal((await stand.bulkhead(['up'])).status, 0);
      assert.deepEqual((await stand.bulkhead(['approvals', '--json'])).json.approvals, []);
      assert.match((await curl(stand, 'asker', 'http://another.test/')).stderr, /Could not resolve host/);
    });
    await t.test('what cannot be answered says so in two lines', async () => {
      for (const [args, wanted] of [
        [['approve', '99'], /^There is no question 99\./],
        [['approve', '1'], /^Question 1 was approved and has been used \(asker: wanted\.test:80\)\./],
        [['approve', 'x'], /^"x" is not the number of a question/],
        [['deny', '1', '--for', '3y'], /is not a length of time/],
      ] as const) {
        const { status, stderr } = await stand.bulkhead(args);
        assert.notEqual(status, 0);
        assert.match(stderr, wanted);
        assert.equal(stderr.trim().split('\n').length, 2);
      }
    });
  });
});

/** The keeper starts the warden anew, and it puts the fleet up again. */
async function standsAgain(stand: Stand, killed: number): Promise<void> {
  const another = async (): Promise<boolean> => {
    const { json } = await stand.bulkhead(['status', '--json']);
    if (!json?.agents || json.programs.some(({ pid }: { pid?: number }) => pid === killed)) return false;
    return json.agents.every(({ state }: { state: string }) => state === 'idle');
  };
  await until(another, 'the fleet does not come up again');
}
