import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Incoming } from '../../src/programs/gateway/read/incoming.ts';

async function connected(work: (here: Socket, there: Socket) => Promise<void>): Promise<void> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const here = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [there] = (await once(server, 'connection')) as [Socket];
  there.on('error', () => there.destroy());
  try {
    await work(here, there);
  } finally {
    here.destroy();
    there.destroy();
    server.close();
  }
}

async function all(incoming: Incoming, length: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let left = length; left > 0; left -= pieces.at(-1)?.length ?? left)
    pieces.push((await incoming.next(10_000)) ?? Buffer.alloc(0));
  return Buffer.concat(pieces);
}

test('who waits for more of a connection that is left gets the end at once, not when the time is up', () =>
  connected(async (here) => {
    const incoming = new Incoming(here);
    const waiting = incoming.next(20_000);
    const began = performance.now();
    incoming.leave();
    assert.equal(await waiting, undefined);
    assert.ok(performance.now() - began < 10_000);
  }));

test('what nobody asks for is not read, however much of it there is, and all of it comes when it is asked for', () =>
  connected(async (here, there) => {
    const incoming = new Incoming(here);
    const length = 32 << 20;
    const bytes = Buffer.alloc(length, Buffer.from('0123456789'));
    there.write(bytes.subarray(0, 10));
    assert.equal((await all(incoming, 10)).toString(), '0123456789');
    there.write(bytes);
    while (here.bytesRead === 10) await sleep(5);
    await sleep(300);
    assert.ok(here.bytesRead < 1 << 20, `${here.bytesRead} bytes were read`);
    assert.ok((await all(incoming, length)).equals(bytes));
  }));

test('a shorter wait after a longer one ends when its own time is up, a longer one after a shorter one does not', () =>
  connected(async (here, there) => {
    const incoming = new Incoming(here);
    there.write('a');
    assert.equal((await incoming.next(60_000))?.toString(), 'a');
    assert.equal(await incoming.next(30), undefined);
    const waiting = incoming.next(20_000);
    await sleep(100);
    there.write('b');
    assert.equal((await waiting)?.toString(), 'b');
  }));

test('what was put back comes first, then what came meanwhile, then the end', () =>
  connected(async (here, there) => {
    const incoming = new Incoming(here);
    there.write('one');
    const first = await incoming.next(10_000);
    assert.equal(incoming.isEmpty, true);
    there.end('two');
    while (here.bytesRead < 6) await sleep(5);
    await sleep(20);
    incoming.unread(first?.subarray(1) ?? Buffer.alloc(0));
    assert.equal(incoming.isEmpty, false);
    assert.equal((await all(incoming, 5)).toString(), 'netwo');
    assert.equal(await incoming.next(10_000), undefined);
  }));
