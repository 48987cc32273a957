import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { lines } from './machine.ts';
import { NOT_ROOT, type Stand, withFleetBeside } from './stand.ts';

const LISTEN = '0A'; // TCP_LISTEN, include/net/tcp_states.h
const LATE_MS = 60_000;

/** A server inside that listens on all of `inside`, of which `ports` are published. */
const fleet = (inside: readonly number[], ports: readonly number[]): string => `
agents:
  web:
    command: [node, -e, "for (const p of [${inside}]) require('http').createServer((_, r) => r.end('from inside '+p)).listen(p,'127.0.0.1')"]
    exec: { sets: [base, node] }
    limits: { memory: 256M, processes: 64, cpu: 100%, disk: 64M }
    ${ports.length > 0 ? `ports: [${ports}]` : ''}
`;

/** @returns numbers of ports of the host's loopback that nobody listens on, and below those that the kernel gives to whoever asks for any (ip(7),
 *  ip_local_port_range): they are free for some time before we listen on them, and in between */
function freePorts(count: number): number[] {
  const ports = new Set<number>();
  for (let tries = 0; ports.size < count; tries++) {
    assert.ok(tries < 1000, 'no port is free');
    const port = 21_000 + Math.floor(Math.random() * 9000);
    if (listeningAt(port).length === 0) ports.add(port);
  }
  return [...ports];
}

async function get(port: number, patienceMs = LATE_MS): Promise<string> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(patienceMs),
    });
    return await answer.text();
  } catch (error) {
    const cause = (error as Error).cause as { code?: string } | undefined;
    return cause?.code ?? (error as Error).message;
  }
}

/** Asks until the answer is as wanted. */
async function comes(port: number, wanted: string): Promise<void> {
  const until = Date.now() + LATE_MS;
  let last = '';
  while (Date.now() < until) {
    last = await get(port, 3000);
    if (last === wanted) return;
    await sleep(100);
  }
  assert.equal(last, wanted, `port ${port}`);
}

/** Addresses that are listened on at a port, as the kernel writes them (/proc/net/tcp, tcp6). */
function listeningAt(port: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return ['tcp', 'tcp6']
    .flatMap((file) => lines(`/proc/net/${file}`))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(`:${hex}`) && state === LISTEN)
    .map(([, local = '']) => local.slice(0, local.indexOf(':')));
}

async function pidOf(stand: Stand, list: 'agents' | 'programs', name: string): Promise<number> {
  const { json } = await stand.bulkhead(['status', '--json']);
  return json[list].find((one: { name: string }) => one.name === name).pid;
}

async function endGateway(stand: Stand): Promise<void> {
  const before = await pidOf(stand, 'programs', 'gateway');
  process.kill(before, 'SIGKILL');
  const until = Date.now() + LATE_MS;
  while (Date.now() < until) {
    await sleep(200);
    const now = await pidOf(stand, 'programs', 'gateway');
    if (now !== undefined && now !== before) return;
  }
  assert.fail('the gateway did not come back');
}

test('a published port', { skip: NOT_ROOT }, async (t) => {
  const [one = 0, two = 0] = freePorts(2);
  await withFleetBeside(fleet([one, two], [one]), async (stand) => {
    await t.test('leads from the loopback of the host into the compartment', async () => {
      await comes(one, `from inside ${one}`);
    });
    await t.test('is on the loopback of the host and nowhere else', () => {
      assert.deepEqual(listeningAt(one), ['0100007F']);
    });
    await t.test('is the only one: another port of the compartment is not there', async () => {
      assert.equal(await get(two), 'ECONNREFUSED');
      assert.deepEqual(listeningAt(two), []);
    });
    await t.test('is there again after its agent was restarted', async () => {
      assert.equal((await stand.bulkhead(['restart', 'web'])).status, 0);
      await comes(one, `from inside ${one}`);
    });
    await t.test('is there again after the gateway died', async () => {
      await endGateway(stand);
      await comes(one, `from inside ${one}`);
    });
    await t.test('changes with the file while the agent runs on, also for the next gateway', async () => {
      const before = await pidOf(stand, 'agents', 'web');
      stand.write(fleet([one, two], [two]));
      const up = await stand.bulkhead(['up']);
      assert.equal(up.status, 0, up.stderr);
      await comes(two, `from inside ${two}`);
      assert.equal(await get(one), 'ECONNREFUSED');
      assert.equal(await pidOf(stand, 'agents', 'web'), before);
      await endGateway(stand);
      await comes(two, `from inside ${two}`);
      assert.equal(await get(one), 'ECONNREFUSED');
    });
    await t.test('is there again when the compartment was put up anew', async () => {
      stand.write(fleet([one, two], [two]).replace('limits', 'role: Changed\n    env: { MORE: "1" }\n    limits'));
      const before = await pidOf(stand, 'agents', 'web');
      assert.equal((await stand.bulkhead(['up'])).status, 0);
      assert.notEqual(await pidOf(stand, 'agents', 'web'), before);
      await comes(two, `from inside ${two}`);
    });
    await t.test('that another program holds is a clear error, and comes when it is free', async () => {
      const holder = createServer().listen(one, '127.0.0.1');
      await once(holder, 'listening');
      try {
        stand.write(fleet([one, two], [one, two]));
        const refused = await stand.bulkhead(['up']);
        assert.equal(refused.status, 1, refused.stdout);
        assert.match(
          refused.stderr,
          new RegExp(`port ${one} on 127\\.0\\.0\\.1 is taken by another program\\b.*\\n.*ss -ltnp`),
        );
        await comes(two, `from inside ${two}`); // one port that cannot be had takes no other with it
      } finally {
        holder.close();
      }
      assert.equal((await stand.bulkhead(['up'])).status, 0);
      await comes(one, `from inside ${one}`);
    });
    await t.test('is gone after down', async () => {
      assert.equal((await stand.bulkhead(['down'])).status, 0);
      for (const port of [one, two]) assert.deepEqual(listeningAt(port), []);
    });
  });
});
