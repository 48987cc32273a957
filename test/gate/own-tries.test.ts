import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Copies } from '../../src/programs/gate/copies.ts';
import type { OwnTry, ToHot } from '../../src/programs/gate/messages.ts';
import { OwnTries } from '../../src/programs/gate/own-tries.ts';
import type { Client } from '../../src/wire/client.ts';

const TRY = { agent: 'coder', id: 1n, since: '1', stub: { device: '0', inode: '0' }, base: -100, path: '/workspace/x' };

test('a copy that cannot be taken over lets go who waits, and the next of that agent is heard', async () => {
  const uncovered: unknown[] = [];
  let tickets = 0;
  const call = async (request: string, body: object): Promise<object> => {
    if (request === 'own.uncover') uncovered.push(body);
    return { ticket: ++tickets, name: '/workspace/x', file: 'own-1-1', made: true };
  };
  const copies = {
    own: async () => Promise.reject(Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' })),
    release: () => {},
  };
  const said: ToHot[] = [];
  const tries = new OwnTries({ call } as unknown as Client, copies as unknown as Copies, (message) =>
    said.push(message),
  );
  for (const place of [1, 2]) tries.tried({ ...TRY, tell: 'own', place, pid: process.pid } as unknown as OwnTry);
  const gone = (): unknown[] => said.flatMap((message) => (message.do === 'go' ? [[message.place, message.own]] : []));
  for (const late = Date.now() + 60_000; gone().length < 2; ) {
    assert.ok(Date.now() < late, 'somebody still waits');
    await new Promise(setImmediate);
  }
  assert.deepEqual(gone(), [
    [1, undefined],
    [2, undefined],
  ]);
  assert.equal(uncovered.length, 2);
  assert.match(
    JSON.stringify(said, (_, value) => (typeof value === 'bigint' ? `${value}` : value)),
    /EIO/,
  );
});
