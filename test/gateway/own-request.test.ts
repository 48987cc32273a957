import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { type OwnRequest, ownRequest } from '../../src/programs/gateway/own-request.ts';

// Requests that the gateway makes by itself: what the other end says, or does not say, is the other end's.

async function asked(
  answer: RequestListener,
  more: Partial<OwnRequest> = {},
): Promise<{ status: number; text: string } | string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const wanted = { protocol: 'http:', host: '127.0.0.1', port, path: '/', longestMs: 10_000, longestAnswer: 1000 };
  try {
    const late = sleep(30_000, 'it goes on', { ref: false });
    return await Promise.race([ownRequest({ ...wanted, ...more }), late]);
  } catch (error) {
    return (error as Error).message;
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test('an answer is its status and its text, undone from a coding that nobody asked for; a redirect is an answer like others', async () => {
  const seen: string[] = [];
  const said = await asked(
    (request, response) => {
      seen.push(`${request.method} ${request.headers['content-length']} ${request.headers['user-agent']}`);
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('grüße'));
    },
    { method: 'POST', body: 'ü' },
  );
  assert.deepEqual([said, seen], [{ status: 200, text: 'grüße' }, ['POST 2 bulkhead']]);
  let count = 0;
  const moved = await asked((_, response) => {
    count += 1;
    response.writeHead(302, { location: '/elsewhere' }).end('there');
  });
  assert.deepEqual([moved, count], [{ status: 302, text: 'there' }, 1]);
});

test('who says nothing, or a little for ever, is waited for so long in all', async () => {
  assert.equal(await asked(() => {}, { longestMs: 300 }), 'no answer in time');
  const drip: RequestListener = (_, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write('.'), 50);
    response.on('close', () => clearInterval(timer));
  };
  const said = await asked(drip, { longestMs: 600 });
  assert.ok(said === 'no answer in time' || said === 'aborted', JSON.stringify(said));
  assert.deepEqual(await asked(drip, { longestAnswer: 0 }), { status: 200, text: '' }, 'unread');
});

test('an answer that is too long, or in a coding that is not known, is none', async () => {
  assert.equal(await asked((_, response) => response.end('x'.repeat(1001))), 'the answer is too long');
  const bomb: RequestListener = (_, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(1 << 20)));
  assert.equal(await asked(bomb), 'the answer is too long');
  for (const coding of ['compress', 'gzip, gzip'])
    assert.equal(
      await asked((_, response) => response.writeHead(200, { 'content-encoding': coding }).end('x')),
      `the answer came in the coding ${JSON.stringify(coding)}`,
    );
});
