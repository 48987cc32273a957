import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { uidOf } from '../../src/host/machine/accounts.ts';
import type { SecretsDocument } from '../../src/model/documents.ts';
import { groundOf } from '../../src/plan/machine.ts';
import { ONE } from './fleets.ts';
import { NOT_ROOT, type Stand, withFleet } from './stand.ts';
import { type Origin, startOrigin } from './tls-origin.ts';

const FIRST = `first-value-${'a1B2'.repeat(8)}`;
const SECOND = `second-value-${'c3D4'.repeat(8)}`;

async function states(stand: Stand): Promise<Record<string, string>> {
  return statesIn((await stand.bulkhead(['secrets', 'list', '--json'])).stdout);
}

function statesIn(said: string): Record<string, string> {
  const { secrets = [] } = JSON.parse(said) as Partial<SecretsDocument>;
  return Object.fromEntries(secrets.map(({ name, state }) => [name, state]));
}

test('a secret is set before and after up, is kept by the gateway sealed, and stands nowhere in the clear', {
  skip: NOT_ROOT,
}, async (t) => {
  await withFleet(
    ONE,
    async (stand) => {
      const set = (name: string, value: string) => stand.bulkhead(['secrets', 'set', name], { input: `${value}\n` });
      await t.test('before up it waits, sealed, for root alone', async () => {
        const { status, stdout, stderr } = await set('early', FIRST);
        assert.deepEqual([status, stderr, stdout], [0, '', 'early is kept; the gateway takes it with the next up.\n']);
        assert.deepEqual(await states(stand), { early: 'waiting' });
        for (const file of ['identity', 'early.age'])
          assert.equal(statSync(join(stand.state, 'secrets', file)).mode & 0o777, 0o600);
      });
      await t.test('up gives it to the gateway', async () => {
        const up = await stand.bulkhead(['up']);
        assert.equal(up.status, 0, up.stdout + up.stderr);
        assert.deepEqual(await states(stand), { early: 'set' });
        assert.deepEqual(readdirSync(join(stand.state, 'secrets')), ['identity', 'recipient']);
        const gateway = uidOf(groundOf(stand.state).users.gateway);
        const { uid, mode } = statSync(join(stand.state, 'gateway/secrets/early.age'));
        assert.deepEqual([uid, mode & 0o777], [gateway, 0o600]);
      });
      await t.test('after up it is in force at once, and survives the death of the gateway', async () => {
        assert.match((await set('late', SECOND)).stdout, /^late is set, and in force\.\nNo agent uses it\./);
        assert.match((await set('late', FIRST)).stdout, /^late is replaced, and in force\.\n/);
        const { programs } = JSON.parse((await stand.bulkhead(['status', '--json'])).stdout);
        process.kill(programs.find(({ name }: { name: string }) => name === 'gateway').pid, 'SIGKILL');
        const survived = async (): Promise<string> => (await stand.bulkhead(['secrets', 'list', '--json'])).stdout;
        let said = await survived(); // its death may not have been told yet
        for (const late = Date.now() + 60_000; Date.now() < late; said = await survived())
          if (isDeepStrictEqual(statesIn(said), { early: 'set', late: 'set' })) break;
        assert.deepEqual(statesIn(said), { early: 'set', late: 'set' }, said);
      });
      await t.test('a gateway that hangs is red in the status, and does not run', async () => {
        const { programs } = JSON.parse((await stand.bulkhead(['status', '--json'])).stdout);
        const { pid } = programs.find(({ name }: { name: string }) => name === 'gateway');
        process.kill(pid, 'SIGSTOP');
        try {
          const { status, stdout } = await stand.bulkhead(['status']);
          assert.equal(status, 1, stdout);
          assert.match(stdout, /^gateway \(\d+\) is not answering.*\. The reason is in: bulkhead logs gateway$/m);
          assert.doesNotMatch(stdout, /Running:.*gateway/);
        } finally {
          process.kill(pid, 'SIGCONT');
        }
        let after = await stand.bulkhead(['status']);
        for (const late = Date.now() + 60_000; after.status !== 0 && Date.now() < late; )
          after = await stand.bulkhead(['status']);
        assert.equal(after.status, 0, after.stdout);
      });
      await t.test('what cannot be a secret is refused in two lines, and nothing is kept of it', async () => {
        const { status, stderr } = await set('bad', 'two words');
        assert.equal(status, 2);
        assert.equal(stderr.trim().split('\n').length, 2);
        assert.ok(!stderr.includes('two words'));
      });
      await t.test('no file of the state, no argument and no environment of any process holds it', () => {
        for (const value of [FIRST, SECOND]) {
          const found = spawnSync('grep', ['-rlaF', '--exclude-dir=lib', value, stand.state], { encoding: 'utf8' });
          assert.equal(found.stdout, '');
          for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid))
            for (const file of ['cmdline', 'environ'])
              assert.ok(!readQuietly(`/proc/${pid}/${file}`).includes(value), `${pid} ${file}`);
        }
      });
      await t.test('revoked it is gone, and the record says who did what, without the value', async () => {
        assert.equal((await stand.bulkhead(['secrets', 'revoke', 'late'])).status, 0);
        assert.equal((await stand.bulkhead(['secrets', 'revoke', 'late'])).status, 1);
        assert.deepEqual(await states(stand), { early: 'set' });
        const { stdout } = await stand.bulkhead(['ledger', 'tail', '--json', '--last', '200']);
        const events = (JSON.parse(stdout).entries as { event: string; secret?: string }[])
          .filter(({ event }) => event.startsWith('secret.'))
          .map(({ event, secret }) => `${event} ${secret}`);
        assert.deepEqual(events, [
          'secret.set early',
          'secret.set late',
          'secret.set late',
          'secret.revoked late',
          'secret.revoked late',
        ]);
      });
      await t.test('the gateway can be dumped by nobody', async () => {
        const { programs } = JSON.parse((await stand.bulkhead(['status', '--json'])).stdout);
        const { pid } = programs.find(({ name }: { name: string }) => name === 'gateway');
        assert.equal(statSync(`/proc/${pid}/mem`).uid, 0);
        assert.match(readFileSync(`/proc/${pid}/limits`, 'utf8'), /Max core file size +[01] /);
      });
    },
    { up: false },
  );
});

test('real clients use a placeholder unmodified, in both tiers; the origin sees the value, and status says what is missing', {
  skip: NOT_ROOT,
}, async (t) => {
  await withFleet(
    '',
    async (stand) => {
      const origin = await startOrigin(stand.folder, 'api.test', ({ headers }, response) =>
        response.end(`you sent ${headers.authorization}\n`),
      );
      const url = `https://api.test:${origin.port}`;
      const header = 'Authorization: Bearer $MY_KEY';
      const clients: Record<string, string> = {
        curl: `curl -sS -m 30 -H "${header}" ${url}/curl`,
        'curl by a proxy': `curl -sS -m 30 -x http://bulkhead.internal:3128 -H "${header}" ${url}/curl-by-a-proxy`,
        wget: `wget -qO- -T 30 --header "${header}" ${url}/wget`,
        'python urllib': `python3 -c 'import os,urllib.request as u;print(u.urlopen(u.Request("${url}/python-urllib",headers={"Authorization":"Bearer "+os.environ["MY_KEY"]}),timeout=30).read().decode())'`,
        'node fetch': `node -e 'fetch("${url}/node-fetch",{headers:{authorization:"Bearer "+process.env.MY_KEY}}).then(r=>r.text()).then(console.log)'`,
        git: `git -c "http.extraHeader=${header}" ls-remote ${url}/git 2>&1 | grep -c valid`,
      };
      try {
        stand.write(clientsFleet(origin));
        const up = await stand.bulkhead(['up']);
        assert.equal(up.status, 0, up.stdout + up.stderr);
        await t.test(
          'before it is set the agent is up, status says which is missing, and the agent is told what to do',
          async () => {
            assert.match(
              (await stand.bulkhead(['status'])).stdout,
              /boxed +no secret +MY_KEY is not set.*bulkhead secrets\s+set mine/s,
            );
            const { stdout } = await stand.run('boxed', ['sh', '-c', clients.curl ?? '']);
            assert.match(stdout, /"the secret mine is not set","ask":"your operator runs: bulkhead secrets set mine"/);
          },
        );
        assert.equal((await stand.bulkhead(['secrets', 'set', 'mine'], { input: FIRST })).status, 0);
        for (const agent of ['boxed', 'hosted'])
          for (const [client, line] of Object.entries(clients))
            await t.test(`${client}, ${agent}`, async () => {
              origin.seen.length = 0;
              const { stdout, stderr } = await stand.run(agent, ['sh', '-c', line]);
              assert.equal(origin.seen[0]?.headers.authorization, `Bearer ${FIRST}`, stdout + stderr);
              assert.ok(!stdout.includes(FIRST.slice(12)), stdout);
            });
        await t.test('two agents have different placeholders', async () => {
          const of = async (agent: string): Promise<string> =>
            (await stand.run(agent, ['sh', '-c', 'echo $MY_KEY'])).stdout;
          assert.notEqual(await of('boxed'), await of('hosted'));
        });
      } finally {
        origin.stop();
      }
    },
    // In the host's own network, which tests that compare pictures of the machine look at.
    { up: false },
  );
});

const clientsFleet = ({ port, root }: Origin): string => `
roots: [${root}]
defaults:
  exec: { sets: [base, git, python, node], allow: [wget] }
  limits: { disk: 64M }
agents:
  boxed:
    egress: [{ host: api.test, port: ${port}, address: 127.0.0.1 }]
    secrets: { MY_KEY: { secret: mine, to: "api.test:${port}" } }
  hosted:
    tier: user
    egress: [{ host: api.test, port: ${port}, address: 127.0.0.1 }]
    secrets: { MY_KEY: { secret: mine, to: "api.test:${port}" } }
`;

function readQuietly(path: string): string {
  try {
    return existsSync(path) ? readFileSync(path, 'latin1') : '';
  } catch {
    return ''; // it has ended
  }
}
