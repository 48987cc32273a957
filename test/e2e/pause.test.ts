import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { NOT_ROOT, withFleetBeside } from './stand.ts';

/** Sends what time it is, in milliseconds of the machine's own clock (CLOCK_MONOTONIC), every few milliseconds on the one connection it makes, and
 *  ends if that ends. No spaces: a number and a space could be the beginning of a request. */
const SENDER = `
const out = require('node:net').connect(+process.argv[1], 'allow.test');
out.on('close', () => process.exit(1));
setInterval(() => out.write(process.hrtime.bigint() / 1000000n + ','), 5);`;
const now = (): number => Number(process.hrtime.bigint() / 1_000_000n);

test('a pause stops what an agent sends and ends none of its connections; resumed, it goes on with the same', {
  skip: NOT_ROOT,
}, async (t) => {
  let [connections, ended, sent] = [0, 0, ''];
  const server = createServer((client: Socket) => {
    connections += 1;
    client.on('data', (chunk) => {
      sent += chunk.toString('latin1');
    });
    client.on('error', () => {}); // `close` follows
    client.on('close', () => {
      ended += 1;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const times = (): number[] => sent.split(',').slice(0, -1).map(Number);
  const sentAfter = async (time: number, count: number): Promise<void> => {
    for (const late = Date.now() + 30_000; times().filter((one) => one > time).length < count; await wait(10))
      assert.ok(Date.now() < late, `${times().length} came, on ${connections} connections`);
  };
  const yaml = `agents:
  sender:
    command: [node, -e, ${JSON.stringify(SENDER)}, "${port}"]
    exec: { sets: [base, node] }
    limits: { memory: 512M, disk: 64M }
    egress: [{ host: allow.test, port: ${port}, address: 127.0.0.1 }]
`;
  await withFleetBeside(yaml, async (stand) => {
    await sentAfter(0, 20);
    assert.equal((await stand.bulkhead(['pause', 'sender'])).status, 0);
    const paused = now();
    await wait(1000); // an agent that runs would send 200 times
    const resumed = now();
    assert.deepEqual([connections, ended], [1, 0]);
    assert.equal((await stand.bulkhead(['resume', 'sender'])).status, 0);
    await sentAfter(resumed, 20);
    // What it had sent before it was paused may come at any time.
    assert.deepEqual(
      times().filter((time) => time > paused && time < resumed),
      [],
    );
    assert.deepEqual([connections, ended], [1, 0]);
  });
});
