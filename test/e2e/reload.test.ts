import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { lines } from './machine.ts';
import { NOT_ROOT, type Stand, withFleetBeside } from './stand.ts';

const LATE_MS = 30_000;
const ESTABLISHED = '01'; // TCP_ESTABLISHED, include/net/tcp_states.h

/** A service of the host's loopback that echoes, and keeps count. */
class Echo {
  readonly open: Set<Socket> = new Set();
  heard = 0;
  port = 0;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((socket) => {
      this.open.add(socket);
      socket.on('error', () => socket.destroy());
      socket.once('close', () => this.open.delete(socket));
      socket.on('data', (data) => {
        this.heard += data.length;
        socket.write(data);
      });
    });
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as { port: number }).port;
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.open) socket.destroy();
  }

  /** Whether bytes still come in. */
  async hears(): Promise<boolean> {
    const before = this.heard;
    for (const late = Date.now() + LATE_MS; this.heard === before && Date.now() < late; ) await sleep(100);
    return this.heard > before;
  }

  /** Connections whose other end has not been closed, as the kernel has it now: we may hear of an end later than of other things. */
  connected(): number {
    const at = `:${this.port.toString(16).toUpperCase().padStart(4, '0')}`;
    const sockets = lines('/proc/net/tcp').map((line) => line.trim().split(/\s+/));
    return sockets.filter(([, local, , state]) => local?.endsWith(at) && state === ESTABLISHED).length;
  }
}

/** Connects once to a host and port and goes on talking until the other end is gone. */
const TALK = `const [host, port] = process.argv.slice(1);
const s = require('net').connect(+port, host, () => setInterval(() => s.write('\\\\0ping'), 100));
s.on('error', () => {}); s.on('close', () => process.exit(9)); s.resume();`;

const fleet = (rules: readonly string[], cpu = '100%'): string => `
agents:
  talker:
    command: [sh, -c, "while :; do sleep 1; done"]
    exec: { sets: [base, node] }
    limits: { memory: 512M, processes: 64, cpu: ${cpu}, disk: 64M }
    ${rules.length > 0 ? `egress: [${rules.join(', ')}]` : ''}
`;

async function agentPid(stand: Stand): Promise<number> {
  return (await stand.bulkhead(['status', '--json'])).json.agents[0].pid;
}

async function starts(stand: Stand): Promise<number> {
  const { json } = await stand.bulkhead(['ledger', 'tail', '--event', 'agent.started', '--last', '100', '--json']);
  return json.entries.length;
}

test('a changed grant, applied with up', { skip: NOT_ROOT }, async (t) => {
  const [stays, goes] = [new Echo(), new Echo()] as const;
  await Promise.all([stays.start(), goes.start()]);
  const rule = (host: string, { port }: Echo): string => `{ host: ${host}, port: ${port}, address: 127.0.0.1 }`;
  const both = [rule('stays.test', stays), rule('goes.test', goes)];
  try {
    await withFleetBeside(fleet(both), async (stand) => {
      const talk = (host: string, { port }: Echo): ReturnType<Stand['start']> =>
        stand.start(['run', 'talker', '--', 'node', '-e', TALK, host, String(port)]);
      const staying = talk('stays.test', stays);
      const going = talk('goes.test', goes);
      assert.deepEqual([await stays.hears(), await goes.hears()], [true, true]);
      const pid = await agentPid(stand);
      const started = await starts(stand);

      await t.test('is one step, which leaves the compartment alone', async () => {
        stand.write(fleet(both.slice(0, 1)));
        const { json } = await stand.bulkhead(['plan', '--json']);
        assert.equal(json.steps.length, 1, JSON.stringify(json));
        assert.match(json.steps[0], /egress|policy|rule/);
      });
      await t.test('has ended what is not allowed any more when up returns, and nothing else', async () => {
        const up = await stand.bulkhead(['up']);
        assert.equal(up.status, 0, up.stderr);
        assert.deepEqual([goes.connected(), stays.connected()], [0, 1]);
        assert.equal((await going.ended).status, 9);
        assert.equal(await stays.hears(), true);
      });
      await t.test('is on record with its reason', async () => {
        const tail = ['ledger', 'tail', '--event', 'egress.closed', '--last', '100', '--json'];
        const ends = async (): Promise<{ agent: string; host: string; why: string }[]> =>
          (await stand.bulkhead(tail)).json.entries.filter(({ host }: { host: string }) => host === 'goes.test');
        let closed = await ends(); // ends are told to the ledger, and nobody waits for its word
        for (const late = Date.now() + LATE_MS; closed.length === 0 && Date.now() < late; closed = await ends())
          await sleep(100);
        assert.deepEqual(
          closed.map(({ agent, why }) => [agent, why]),
          [['talker', 'policy changed']],
        );
      });
      await t.test('lets no new connection through', async () => {
        assert.equal((await talk('goes.test', goes).ended).status, 9);
        assert.equal(goes.connected(), 0);
      });
      await t.test('is what the agent is told at once, and its README still tells the truth', async () => {
        const told = await stand.run('talker', ['curl', '-sS', '-m', '30', 'http://bulkhead.internal/']);
        assert.match(told.stdout, /stays\.test/);
        assert.doesNotMatch(told.stdout, /goes\.test/);
        const readme = await stand.run('talker', ['cat', '/etc/bulkhead/README']);
        assert.match(readme.stdout, /http:\/\/bulkhead\.internal\//);
        assert.doesNotMatch(readme.stdout, /goes\.test/);
      });
      await t.test('of a limit is what the next probe measures by, and leaves the compartment alone', async () => {
        stand.write(fleet(both.slice(0, 1), '50%'));
        assert.equal((await stand.bulkhead(['up'])).status, 0);
        const { json } = await stand.bulkhead(['status', '--probe', '--json']);
        const { walls, pid: same } = json.agents[0];
        const limits = walls.find(({ wall }: { wall: string }) => wall === 'limits');
        assert.deepEqual([limits.level, limits.missing ?? [], same], ['full', [], pid]);
      });
      await t.test('gives as well as takes', async () => {
        stand.write(fleet(both));
        assert.equal((await stand.bulkhead(['up'])).status, 0);
        const again = talk('goes.test', goes);
        assert.equal(await goes.hears(), true);
        stand.write(fleet([]));
        assert.equal((await stand.bulkhead(['up'])).status, 0);
        assert.deepEqual([goes.connected(), stays.connected()], [0, 0]);
        assert.deepEqual([(await again.ended).status, (await staying.ended).status], [9, 9]);
      });
      assert.deepEqual([await agentPid(stand), await starts(stand)], [pid, started], 'the agent ran on all the while');
    });
  } finally {
    stays.stop();
    goes.stop();
  }
});
