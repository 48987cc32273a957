import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { SOCK_STREAM, socketPair } from '../../src/host/pipes.ts';
import { MOST_OUTPUT, readOutside } from '../../src/programs/gateway/outside.ts';

function frame(kind: number, status: number, body = ''): Buffer {
  const bytes = Buffer.from(body);
  return Buffer.concat([Buffer.from([kind, status, bytes.length & 255, bytes.length >> 8]), bytes]);
}

function pair(): { command: Socket; fd: number; client: Socket } {
  const { ours, theirs } = socketPair(SOCK_STREAM);
  const command = new Socket({ fd: ours, allowHalfOpen: true });
  command.on('error', () => {});
  return { command, fd: theirs, client: new Socket() };
}

test('a command’s output is kept apart, whatever pieces it comes in, with its status', async () => {
  const { command, fd, client } = pair();
  const read = readOutside(fd, client);
  const bytes = Buffer.concat([frame(1, 0, 'out '), frame(2, 0, 'err'), frame(1, 0, 'put'), frame(0, 9)]);
  for (const byte of bytes) {
    command.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { status, stdout, stderr, truncated } = await read;
  assert.deepEqual([status, String(stdout), String(stderr), truncated], [9, 'out put', 'err', false]);
});

test('a megabyte of each is kept, what is more is said to have been more', async () => {
  const { command, fd, client } = pair();
  const read = readOutside(fd, client);
  for (let i = 0; i < MOST_OUTPUT / 4096 + 3; i++) command.write(frame(1, 0, 'x'.repeat(4096)));
  command.write(frame(2, 0, 'short'));
  command.end(frame(0, 0));
  const { status, stdout, stderr, truncated } = await read;
  assert.deepEqual([status, stdout.length, String(stderr), truncated], [0, MOST_OUTPUT, 'short', true]);
});

test('a command that is lost has no status, and one whose caller hangs up is left', async () => {
  const lost = pair();
  const read = readOutside(lost.fd, lost.client);
  lost.command.end(frame(1, 0, 'half'));
  const { status, stdout } = await read;
  assert.deepEqual([status, String(stdout)], [undefined, 'half']);
  const left = pair();
  const hangs = readOutside(left.fd, left.client);
  const gone = new Promise((resolve) => left.command.once('close', resolve));
  left.command.resume().once('end', () => left.command.end());
  left.client.destroy();
  assert.equal((await hangs).status, undefined);
  await gone;
});
