import assert from 'node:assert/strict';
import { utimesSync, writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pidOf } from './asking.ts';
import { coreFiles, holding, inMemory, wardenOf } from './searching.ts';
import { NOT_ROOT, type Stand, withFleetBeside } from './stand.ts';
import { type Origin, startOrigin } from './tls-origin.ts';

const FIRST = `first-${'a1B2'.repeat(8)}`;
const THIRD = `third-${'e5F6'.repeat(8)}`;
const DAY = 86_400_000;

const fleet = ({ port, root }: Origin): string => `
roots: [${root}]
operators: { owner: { user: daemon } }
defaults:
  exec: { sets: [base, python] }
  limits: { disk: 64M }
agents:
  one:
    egress: [{ host: api.test, port: ${port}, address: 127.0.0.1 }]
    secrets:
      KEY:
        secret: mine
        to: "api.test:${port}"
        rotate:
          every: 90d
          command: [sh, -c, 'echo "minted-$(id -un)-$(env | grep -c TELLTALE)-$(head -c 12 /dev/urandom | od -An -tx1 | tr -d " \\n")"; echo chatter >&2']
          test: GET https://api.test:${port}/me?probe=1
  two:
    egress: [{ host: api.test, port: ${port}, address: 127.0.0.1 }]
    secrets: { KEY: { secret: mine, to: "api.test:${port}" } }
`;

/** Holds one connection open and says when it ends. */
const HOLD = (port: number): string => `
import os, ssl, socket
s = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"]).wrap_socket(socket.create_connection(("api.test", ${port})), server_hostname="api.test")
s.sendall(b"GET /held HTTP/1.1\\r\\nHost: api.test:${port}\\r\\nAuthorization: Bearer " + os.environ["KEY"].encode() + b"\\r\\n\\r\\n")
print("answered" if s.recv(4000) else "nothing", flush=True)
try:
    while s.recv(4000): pass
except OSError: pass
print("ended", flush=True)
`;

function bearerOf(request: { readonly headers: IncomingHttpHeaders } | undefined): string {
  return request?.headers.authorization?.replace('Bearer ', '') ?? '';
}

async function findings(stand: Stand, command: readonly string[]): Promise<string[]> {
  const { json } = await stand.bulkhead([...command, '--json']);
  const all =
    command[0] === 'status'
      ? (json.findings ?? [])
      : json.secrets.flatMap((one: { findings?: object[] }) => one.findings ?? []);
  return all.map(({ id }: { id: string }) => id).sort();
}

test('a secret is rotated, tried and revoked, and what is found is what is shown', { skip: NOT_ROOT }, async (t) => {
  await withFleetBeside(
    '',
    async (stand) => {
      let valid = (_: string): boolean => true;
      let rounds = 0;
      const origin = await startOrigin(stand.folder, 'api.test', ({ headers }, response) => {
        response.statusCode = valid(bearerOf({ headers })) ? 200 : 401;
        response.end('ok');
      });
      const shown: string[] = [];
      const bulkhead: Stand['bulkhead'] = async (args, ways) => {
        const result = await stand.bulkhead(args, ways);
        shown.push(result.stdout, result.stderr);
        return result;
      };
      try {
        stand.write(fleet(origin));
        await t.test('set warns of a value that is the person’s own already', async () => {
          writeFileSync(join(stand.folder, '.netrc'), `machine api.test login me password ${FIRST}\n`);
          const { stdout, status } = await bulkhead(['secrets', 'set', 'mine'], {
            input: FIRST,
            env: { HOME: stand.folder, MINE: FIRST },
          });
          assert.equal(status, 0);
          assert.match(stdout, /^mine is kept;.*\nLook at mine: the same value is in your environment, ~\/\.netrc:/);
        });
        const long = new Date(Date.now() - 100 * DAY);
        utimesSync(join(stand.state, 'secrets/mine.age'), long, long);
        const up = await stand.bulkhead(['up']);
        assert.equal(up.status, 0, up.stdout + up.stderr);

        await t.test('list and status say that it is overdue, shared and a person’s own', async () => {
          const wanted = ['secret-overdue', 'secret-own', 'secret-shared'];
          assert.deepEqual(await findings(stand, ['secrets', 'list']), wanted);
          assert.deepEqual(await findings(stand, ['status']), wanted);
          const { stdout } = await bulkhead(['secrets', 'list']);
          assert.match(stdout, /mine +set +100 days ago +overdue for 10 days/);
          assert.match((await bulkhead(['status'])).stdout, /mine +secret +look +one and two have the same value/);
        });
        await t.test('each is told once, also when gateway and warden are killed and begin anew', async () => {
          for (const program of ['gateway', 'warden'])
            process.kill(program === 'warden' ? wardenOf(stand) : await pidOf(stand, program), 'SIGKILL');
          const again = await stand.bulkhead(['up']);
          assert.equal(again.status, 0, again.stdout + again.stderr);
          const events = (await entries(stand)).filter(({ event }) => event === 'secret.finding').map(({ id }) => id);
          assert.deepEqual(events.sort(), ['secret-overdue', 'secret-own', 'secret-shared']);
        });
        await t.test('rotate runs the operator’s command, as that operator, and tries both values', async () => {
          let old = '';
          valid = (value) => value.startsWith('minted-daemon-0-') && value !== old;
          // In force within a second, and not each time where the machine holds the gateway up.
          for (let took = Number.POSITIVE_INFINITY; took >= 1000; rounds++) {
            assert.ok(rounds < 5, `${took} ms`);
            const held = stand.start(['run', 'one', '--', 'python3', '-c', HOLD(origin.port)]);
            let said = '';
            held.child.stdout?.on('data', (chunk) => (said += chunk));
            for (const late = Date.now() + 60_000; !said.includes('answered'); await sleep(100))
              assert.ok(Date.now() < late && held.child.exitCode === null, `the connection does not stand: ${said}`);
            const { json, status } = await bulkhead(['secrets', 'rotate', 'mine', '--json'], {
              env: { TELLTALE: '1' },
            });
            assert.match((await held.ended).stdout, /^answered\nended/);
            assert.equal(status, 0, JSON.stringify(json));
            assert.equal(json.ended, 1);
            took = json.tookMs;
            t.diagnostic(`in force, and one connection ended, in ${took} ms`);
            assert.deepEqual(json.tested, [
              { value: 'old', wanted: 'refused', found: 'refused', status: 401 },
              { value: 'new', wanted: 'works', found: 'works', status: 200 },
            ]);
            const last = origin.seen.at(-1);
            assert.deepEqual([last?.url, last?.headers['user-agent']], ['/me?probe=1', 'bulkhead']);
            old = bearerOf(last);
          }
          valid = (value) => value === old;
          assert.deepEqual(await findings(stand, ['secrets', 'list']), ['secret-shared']);
        });
        const minted = bearerOf(origin.seen.at(-1));
        await t.test('a test that fails is shown as failed, and nothing is rolled back', async () => {
          const { stdout, status } = await bulkhead(['secrets', 'rotate', 'mine', '--by-hand'], { input: THIRD });
          assert.equal(status, 1);
          assert.match(stdout, /^FAILED: The old value of mine is accepted \(200\)\. Revoke it/m);
          assert.match(stdout, /^FAILED: The new value of mine is refused \(401\)\. It stays in force/m);
          assert.deepEqual(await findings(stand, ['secrets', 'list']), ['secret-old-valid', 'secret-shared']);
        });
        await t.test('once the old one is revoked where it was issued, test sees it, and it is forgotten', async () => {
          valid = (value) => value === THIRD;
          const { stdout, status } = await bulkhead(['secrets', 'test', 'mine']);
          assert.equal(status, 0, stdout);
          assert.equal(stdout, 'The old value of mine is refused (401).\nThe new value of mine is accepted (200).\n');
          assert.deepEqual((await bulkhead(['secrets', 'test', 'mine', '--json'])).json.tested.length, 1);
        });
        await t.test('a server that is not who it should be gets no value, and the result is not known', async () => {
          const seen = origin.seen.length;
          stand.write(fleet(origin).replace(/^roots:.*$/m, ''));
          assert.equal((await stand.bulkhead(['up'])).status, 0);
          const { stdout, status } = await bulkhead(['secrets', 'test', 'mine']);
          assert.equal(status, 1);
          assert.match(
            stdout,
            /^NOT KNOWN: The value of mine was tried without an answer: api\.test was not reached:\s+\w+\.$/m,
          );
          assert.equal(origin.seen.length, seen);
          stand.write(fleet(origin));
          assert.equal((await stand.bulkhead(['up'])).status, 0);
        });
        await t.test('revoke tries the old value too, and says truly that it still works', async () => {
          const { stdout, status } = await bulkhead(['secrets', 'revoke', 'mine']);
          assert.equal(status, 1);
          assert.match(stdout, /^mine is forgotten\.\nFAILED: The old value of mine is accepted \(200\)/);
        });
        await t.test('a command that fails changes nothing, and none of its words are shown', async () => {
          await stand.bulkhead(['secrets', 'set', 'mine'], { input: THIRD });
          stand.write(fleet(origin).replace(/command: .*/, 'command: [sh, -c, "echo chatter-of-it; exit 3"]'));
          assert.equal((await stand.bulkhead(['up'])).status, 0);
          const { stderr, status } = await bulkhead(['secrets', 'rotate', 'mine']);
          assert.deepEqual([status, stderr.split('\n')[0]], [1, 'sh ended with status 3, so nothing was changed']);
          assert.equal((await bulkhead(['secrets', 'test', 'mine'])).status, 0);
        });
        await t.test('the record has what was tried and what came of it; no value was shown or written', async () => {
          const all = await entries(stand);
          const tried = all
            .filter(({ event }) => event === 'secret.tested')
            .map(({ value, found }) => `${value} ${found}`);
          const rotated = Array.from({ length: rounds }, () => ['old refused', 'new works']).flat();
          assert.deepEqual(tried.slice(0, rotated.length + 2), [...rotated, 'old works', 'new refused']);
          assert.equal(all.filter(({ event }) => event === 'secret.testing').length, tried.length);
          const everything = shown.join('\n') + JSON.stringify(all);
          for (const value of [FIRST, THIRD, minted]) assert.ok(value.length > 20 && !everything.includes(value));
          assert.ok(!everything.includes('chatter'));
        });
        await t.test(
          'nor is one in any file of the state, argument, environment, core, or the memory of warden and ledger',
          async () => {
            const cores = coreFiles();
            const before = await pidOf(stand, 'gateway');
            process.kill(before, 'SIGABRT');
            const isAnother = async (): Promise<boolean> =>
              (await stand.bulkhead(['secrets', 'list'])).status === 0 && (await pidOf(stand, 'gateway')) !== before;
            for (const late = Date.now() + 60_000; !(await isAnother()); await sleep(100))
              assert.ok(Date.now() < late, 'the gateway did not come back');
            assert.deepEqual(coreFiles(), cores);
            const values = [FIRST, THIRD, minted];
            const forms = values.flatMap((value) => [
              value,
              Buffer.from(value).toString('base64').replace(/=+$/, '').slice(0, -1),
            ]);
            assert.deepEqual(holding(stand.state, forms), []);
            for (const pid of [wardenOf(stand), await pidOf(stand, 'ledger')])
              assert.deepEqual(inMemory(pid, forms), []);
            assert.deepEqual(inMemory(await pidOf(stand, 'gateway'), [THIRD]), [THIRD], 'where it is, it is found');
          },
        );
      } finally {
        origin.stop();
      }
    },
    { up: false },
  );
});

async function entries(stand: Stand): Promise<{ event: string; [field: string]: unknown }[]> {
  return (await stand.bulkhead(['ledger', 'tail', '--json', '--last', '500'])).json.entries;
}
