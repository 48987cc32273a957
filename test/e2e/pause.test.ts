import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { NOT_ROOT, withFleetBeside } from './stand.ts';

/** Sends a byte every few milliseconds on the one connection it makes, and ends if that ends. */
const SENDER = `
const out = require('node:net').connect(+process.argv[1], 'allow.test');
out.on('close', () => process.exit(1));
setInterval(() => out.write('x'), 5);`;

test('a pause stops what an agent sends and ends none of its connections; resumed, it goes on with the same', {
  skip: NOT_ROOT,
}, async (t) => {
  let [connections, ended, bytes] = [0, 0, 0];
  const server = createServer((client: Socket) => {
    connections += 1;
    client.on('data', (chunk) => {
      bytes += chunk.length;
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
  const more = async (than: number): Promise<void> => {
    for (const late = Date.now() + 30_000; bytes <= than; await wait(10))
      assert.ok(Date.now() < late, `${bytes} bytes came, on ${connections} connections`);
  };
  const yaml = `agents:
  sender:
    command: [node, -e, ${JSON.stringify(SENDER)}, "${port}"]
    exec: { sets: [base, node] }
    limits: { memory: 512M, disk: 64M }
    egress: [{ host: allow.test, port: ${port}, address: 127.0.0.1 }]
`;
  await withFleetBeside(yaml, async (stand) => {
    await more(20);
    assert.equal((await stand.bulkhead(['pause', 'sender'])).status, 0);
    let paused = -1; // what it had sent before is on its way
    for (const late = Date.now() + 30_000; paused !== bytes; await wait(500)) {
      assert.ok(Date.now() < late, 'it goes on sending');
      paused = bytes;
    }
    await wait(1000); // 200 bytes of an agent that runs
    assert.equal(bytes, paused);
    assert.deepEqual([connections, ended], [1, 0]);
    assert.equal((await stand.bulkhead(['resume', 'sender'])).status, 0);
    await more(paused + 20);
    assert.deepEqual([connections, ended], [1, 0]);
  });
});
