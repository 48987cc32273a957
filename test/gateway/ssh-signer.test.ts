import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { removeTree } from '../../src/host/files/mounts.ts';
import type { Contain } from '../../src/programs/gateway/contained.ts';
import { Heard } from '../../src/programs/gateway/ssh/ssh-heard.ts';
import type { SshKey } from '../../src/programs/gateway/ssh/ssh-keys.ts';
import { attendSigner, type Desk } from '../../src/programs/gateway/ssh/ssh-signer.ts';
import { ClearReplies } from '../../src/protocol/ssh-clear.ts';
import { ed25519Blob } from '../../src/protocol/ssh-key.ts';
import { sshString, uint32 } from '../../src/protocol/ssh-wire.ts';

const dir = mkdtempSync(join(tmpdir(), 'bulkhead-ssh-signer-'));
const open = new Set<Socket>();
after(() => {
  for (const socket of open) socket.destroy();
  removeTree(dir);
});
let count = 0;

const pair = () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return { key: privateKey, blob: ed25519Blob(Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')) };
};
const [server, own] = [pair(), pair()];
const SESSION = Buffer.alloc(32, 9);
const signature = Buffer.concat([sshString('ssh-ed25519'), sshString(sign(null, SESSION, server.key))]);
const binding = {
  ...{ host: 'git.test', port: 22, user: 'git' },
  hostKeys: [`ssh-ed25519 ${server.blob.toString('base64')}`],
};
const LIST = Buffer.from([11]);
const BIND = Buffer.concat([
  Buffer.from([27]),
  ...[sshString('session-bind@openssh.com'), sshString(server.blob), sshString(SESSION), sshString(signature)],
  Buffer.from([0]),
]);
const LOGIN = Buffer.concat([
  ...[sshString(SESSION), Buffer.from([50]), sshString('git'), sshString('ssh-connection'), sshString('publickey')],
  ...[Buffer.from([1]), sshString('ssh-ed25519'), sshString(own.blob)],
]);
const SIGN = Buffer.concat([Buffer.from([13]), sshString(own.blob), sshString(LOGIN), uint32(0)]);
/** In the clear (RFC 4253, 6). */
const packet = (payload: Buffer): Buffer =>
  Buffer.concat([uint32(payload.length + 9), Buffer.from([8]), payload, Buffer.alloc(8)]);
const VERSION = Buffer.from('SSH-2.0-x\r\n');
const REPLY = Buffer.concat([
  Buffer.from([31]),
  ...[sshString(server.blob), sshString('the share'), sshString(signature)],
]);
const [FAILED, DONE, SIGNED] = [5, 6, 14];

/** What reads the server's words is not contained here: what it throws fails the test. */
const thrown: Contain = (handler) => handler;

/** A signer over a real socket. `ask` sends one request and gives the kind of its answer; undefined: it was closed. */
async function signer(
  change: Partial<Desk> = {},
): Promise<{ ask: (body: Buffer) => Promise<number | undefined>; refused: string[]; heard: Heard; end: () => void }> {
  const refused: string[] = [];
  const heard = new Heard();
  const upstream = (
    await sockets((end) => void end.write(Buffer.concat([VERSION, packet(REPLY), packet(Buffer.from([21]))])))
  ).client;
  heard.listen({}, { host: 'git.test', port: 22, literal: false }, upstream, thrown);
  await new Promise((resolve) => upstream.once('data', resolve));
  const key: SshKey = { agent: 'a', host: 'git.test', port: 22, user: 'git', since: new Date(), ...own };
  const desk: Desk = {
    ...{ agent: 'a', heard, mayNow: () => true, refuse: (why: string) => void refused.push(why) },
    recorder: { append: async () => {}, appendSoon: async () => {} },
    keys: () => [{ binding, blob: own.blob, key }],
    ...change,
  };
  const { client } = await sockets((end) => attendSigner(desk, end, (handler) => handler));
  const ask = (body: Buffer): Promise<number | undefined> =>
    new Promise((resolve) => {
      client.once('data', (answer: Buffer) => resolve(answer[4])).once('close', () => resolve(undefined));
      client.write(sshString(body));
    });
  return { ask, refused, heard, end: () => upstream.destroy() };
}

function sockets(attend: (end: Socket) => void): Promise<{ client: Socket }> {
  const path = join(dir, String(++count));
  return new Promise((resolve) => {
    const listening = createServer((end) => {
      listening.close();
      open.add(end).add(client);
      end.on('error', () => end.destroy());
      attend(end);
    });
    const client = new Socket({ allowHalfOpen: true }); // an agent's own program need not leave when it is told to
    client.on('error', () => client.destroy());
    client.once('connect', () => resolve({ client }));
    listening.listen(path, () => client.connect(path));
  });
}

test('a login is recorded, on disk, before its signature goes out', async () => {
  const written = Promise.withResolvers<void>();
  const entries: unknown[] = [];
  const { ask } = await signer({
    recorder: {
      append: (some, strength) => {
        entries.push(...some, strength);
        return written.promise;
      },
      appendSoon: async () => {},
    },
  });
  assert.equal(await ask(BIND), DONE);
  const answer = ask(SIGN);
  assert.equal(await Promise.race([answer, wait(300, 'waits')]), 'waits');
  assert.match(JSON.stringify(entries), /"event":"ssh.signed","agent":"a","host":"git.test".*"acknowledged"\]$/);
  written.resolve();
  assert.equal(await answer, SIGNED);
});

test('who was told that it is over is signed nothing more, however long it stays', async () => {
  const entries: unknown[] = [];
  const { ask } = await signer({
    recorder: { append: async (some) => void entries.push(...some), appendSoon: async () => {} },
  });
  assert.equal(await ask(BIND), DONE);
  assert.equal(await ask(Buffer.from([13])), FAILED);
  await Promise.race([ask(SIGN), wait(300)]);
  assert.deepEqual(entries, []);
});

test('without a record, beyond the rate, or with a key that was taken away meanwhile, nothing is signed', async () => {
  const recorder = { append: async () => Promise.reject(new Error('no ledger')), appendSoon: async () => {} };
  const unrecorded = await signer({ recorder });
  assert.deepEqual([await unrecorded.ask(BIND), await unrecorded.ask(SIGN)], [DONE, FAILED]);
  assert.deepEqual(unrecorded.refused, ['the record cannot be written']);
  const often = await signer({ mayNow: () => false });
  assert.deepEqual(
    [await often.ask(BIND), await often.ask(SIGN), often.refused],
    [DONE, FAILED, ['too many logins at once']],
  );
  let there = true;
  const key: SshKey = { agent: 'a', host: 'git.test', port: 22, user: 'git', since: new Date(), ...own };
  const gone = await signer({
    keys: () => (there ? [{ binding, blob: own.blob, key }] : []),
    recorder: {
      append: async () => {
        there = false;
      },
      appendSoon: async () => {},
    },
  });
  assert.deepEqual([await gone.ask(BIND), await gone.ask(SIGN)], [DONE, FAILED]);
});

test('what was heard of a server is forgotten with its connection', async () => {
  const { heard, end } = await signer();
  assert.equal(heard.from(server.blob, signature).length, 1);
  end();
  await wait(50);
  assert.deepEqual(heard.from(server.blob, signature), []);
});

test('a key and a signature count only where a server says them itself: in a reply, in the clear, before the keys are new', async () => {
  const listens = async (...parts: readonly Buffer[]): Promise<number> => {
    const heard = new Heard();
    const { client } = await sockets((end) => void end.end(Buffer.concat(parts)));
    let length = 0;
    client.on('data', (chunk) => {
      length += chunk.length;
    });
    const all = Promise.withResolvers<void>();
    client.on('data', () => length === Buffer.concat(parts).length && all.resolve());
    heard.listen({}, { host: 'git.test', port: 22, literal: false }, client, thrown);
    await all.promise;
    return heard.from(server.blob, signature).length;
  };
  const [key, signed] = [sshString(server.blob), sshString(signature)];
  const reply = packet(REPLY);
  const [lists, over] = [packet(Buffer.alloc(1500, 20)), packet(Buffer.from([21]))];
  assert.equal(await listens(VERSION, lists, reply, over), 1);
  assert.equal(await listens(Buffer.from('welcome\r\n'), VERSION, lists, reply, over), 1);
  assert.equal(await listens(VERSION, lists, over, reply), 0, 'what it encrypts may be chosen by its client');
  assert.equal(await listens(VERSION, lists, over, key, signed), 0);
  assert.equal(await listens(VERSION, key, signed), 0);
  assert.equal(await listens(key, signed), 0);
  assert.equal(await listens(VERSION, packet(Buffer.concat([Buffer.from([31]), key, signed]))), 0, 'no share');
  assert.equal(await listens(VERSION, packet(Buffer.concat([Buffer.from([31]), signed, key, key]))), 0);
  assert.equal(await listens(VERSION, packet(REPLY.subarray(0, -1))), 0);
  assert.equal(await listens(VERSION, packet(Buffer.concat([REPLY, key]))), 0);
  assert.equal(await listens(VERSION, packet(Buffer.concat([Buffer.from([94]), REPLY.subarray(1)]))), 0);
  assert.equal(await listens(VERSION, packet(Buffer.alloc(30_000, 20)), packet(Buffer.alloc(3_000, 20)), reply), 0);
});

test('however it is cut, the same is heard', () => {
  const all = Buffer.concat([VERSION, packet(Buffer.alloc(200, 20)), packet(REPLY), packet(Buffer.from([21]))]);
  for (let size = 1; size < all.length; size++) {
    const replies = new ClearReplies();
    for (let at = 0; at < all.length; at += size) replies.push(all.subarray(at, at + size));
    assert.ok(replies.done && replies.has(server.blob, signature), `in pieces of ${size}`);
  }
});

test('a list is answered without a session, and what follows it on the same connection too', async () => {
  const { ask, refused } = await signer();
  assert.deepEqual([await ask(LIST), await ask(BIND), await ask(LIST), await ask(SIGN)], [12, DONE, 12, SIGNED]);
  assert.deepEqual(refused, []);
});
