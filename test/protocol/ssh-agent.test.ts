import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  FAILURE,
  firstMessage,
  identitiesAnswer,
  LONGEST_REQUEST,
  readRequest,
  SUCCESS,
  signResponse,
} from '../../src/protocol/ssh-agent.ts';
import { readUserauth } from '../../src/protocol/ssh-userauth.ts';
import { SshReader, sshString, uint32 } from '../../src/protocol/ssh-wire.ts';
import { FUZZ } from './seed.ts';

const bytes = (...parts: readonly (string | number | Uint8Array)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part))));
const bind = (forwarding: number | readonly number[] = 0): Buffer =>
  bytes(
    ...[27, sshString('session-bind@openssh.com'), sshString('KEY'), sshString('SID'), sshString('SIG')],
    Buffer.from([forwarding].flat()),
  );

test('the three requests are read as the protocol numbers them', () => {
  assert.deepEqual(readRequest(bytes(11)), { do: 'list' });
  const sign = bytes(13, sshString('KEY'), sshString('DATA'), uint32(4));
  assert.deepEqual(readRequest(sign), { do: 'sign', key: Buffer.from('KEY'), data: Buffer.from('DATA'), flags: 4 });
  const session = { hostKey: Buffer.from('KEY'), sessionId: Buffer.from('SID'), signature: Buffer.from('SIG') };
  assert.deepEqual(readRequest(bind()), { do: 'bind', bind: { ...session, forwarding: false } });
  assert.deepEqual(readRequest(bind(1)), { do: 'bind', bind: { ...session, forwarding: true } });
});

test('every other request is one that is not answered, known or not', () => {
  for (let type = 0; type < 256; type++)
    if (![11, 13, 27].includes(type)) assert.deepEqual(readRequest(bytes(type, 'anything')), { do: 'other' });
  for (const name of [
    'query',
    'restrict-destination-v00@openssh.com',
    'session-bind@openssh.co',
    'session-bind@openssh.com2',
  ])
    assert.deepEqual(readRequest(bytes(27, sshString(name), sshString('x'))), { do: 'other' }, name);
  assert.deepEqual(readRequest(bytes(27)), { do: 'other' });
});

test('what is cut off, or followed by more, or no boolean, is malformed', () => {
  const sign = bytes(13, sshString('KEY'), sshString('DATA'), uint32(0));
  for (let end = 1; end < sign.length; end++) assert.deepEqual(readRequest(sign.subarray(0, end)), { do: 'malformed' });
  for (let end = 29; end < bind().length; end++)
    assert.deepEqual(readRequest(bind().subarray(0, end)), { do: 'malformed' });
  for (const more of [bytes(sign, 0), bytes(bind(), 0), bytes(11, 0), bind(2), bind(255), bind([])])
    assert.deepEqual(readRequest(more), { do: 'malformed' });
});

test('a message is taken when it is whole; a length that is none is refused before any of it is kept', () => {
  assert.equal(firstMessage(bytes()), undefined);
  assert.equal(firstMessage(bytes(0, 0, 0)), undefined);
  assert.equal(firstMessage(bytes(uint32(2), 11)), undefined);
  assert.deepEqual(firstMessage(bytes(uint32(1), 11, 99)), Buffer.from([11]));
  assert.equal(firstMessage(uint32(LONGEST_REQUEST)), undefined);
  for (const length of [0, LONGEST_REQUEST + 1, 0x7fffffff, 0xffffffff])
    assert.throws(() => firstMessage(uint32(length)), RangeError);
});

test('answers are framed as a client reads them', () => {
  assert.deepEqual([...FAILURE], [0, 0, 0, 1, 5]);
  assert.deepEqual([...SUCCESS], [0, 0, 0, 1, 6]);
  assert.deepEqual(identitiesAnswer([]), bytes(uint32(5), 12, uint32(0)));
  const from = new SshReader(identitiesAnswer([{ blob: Buffer.from('B'), comment: 'c' }]));
  assert.deepEqual([from.uint32(), from.byte(), from.uint32()], [5 + 5 + 5, 12, 1]);
  assert.deepEqual([String(from.string()), String(from.string()), from.left], ['B', 'c', 0]);
  const signature = new SshReader(signResponse(Buffer.alloc(64, 7)));
  assert.deepEqual([signature.uint32(), signature.byte()], [1 + 4 + 4 + 11 + 4 + 64, 14]);
  const inner = new SshReader(signature.string());
  assert.deepEqual([inner.name(), inner.string().length, inner.left], ['ssh-ed25519', 64, 0]);
});

const login = (method: string, ...rest: readonly Uint8Array[]): Buffer =>
  bytes(
    ...[sshString('SID'), 50, sshString('git'), sshString('ssh-connection'), sshString(method), 1],
    ...[sshString('ssh-ed25519'), sshString('KEY'), ...rest],
  );

test('a login is read in both its forms, and nothing else is one', () => {
  const plain = {
    ...{ sessionId: Buffer.from('SID'), user: 'git', service: 'ssh-connection', algorithm: 'ssh-ed25519' },
    key: Buffer.from('KEY'),
  };
  assert.deepEqual(readUserauth(login('publickey')), plain);
  const bound = login('publickey-hostbound-v00@openssh.com', sshString('HOST'));
  assert.deepEqual(readUserauth(bound), { ...plain, hostKey: Buffer.from('HOST') });
  for (let end = 0; end < bound.length; end++) assert.equal(readUserauth(bound.subarray(0, end)), undefined);
  const query = Buffer.from(login('publickey'));
  query[query.indexOf('publickey') + 9] = 0;
  for (const other of [
    query,
    login('publickey', sshString('HOST')),
    login('publickey-hostbound-v00@openssh.com'),
    login('hostbased'),
    login('publickey', Buffer.from([0])),
    bytes('SSHSIG', sshString('git'), sshString(''), sshString('sha512'), sshString(Buffer.alloc(64))),
    bytes(sshString('SID'), 51),
    bytes(),
  ])
    assert.equal(readUserauth(other), undefined);
});

test('whatever the bytes, they are read or refused, and nothing is thrown', () => {
  const samples = [bind(), bytes(13, sshString('KEY'), sshString(login('publickey')), uint32(0)), login('publickey')];
  fc.assert(
    fc.property(fc.constantFrom(...samples), fc.nat(), fc.uint8Array({ maxLength: 6 }), (sample, at, change) => {
      const changed = bytes(
        sample.subarray(0, at % sample.length),
        change,
        sample.subarray((at % sample.length) + change.length),
      );
      readRequest(changed);
      const read = readUserauth(changed);
      // Reading is the inverse of writing: nothing that is signed says something to us and something else to a server.
      if (read === undefined) return true;
      const host = read.hostKey === undefined ? [] : [sshString(read.hostKey)];
      const method = host.length === 0 ? 'publickey' : 'publickey-hostbound-v00@openssh.com';
      const again = bytes(
        ...[sshString(read.sessionId), 50, sshString(read.user), sshString(read.service), sshString(method), 1],
        ...[sshString(read.algorithm), sshString(read.key), ...host],
      );
      return again.equals(changed) || read.user.includes('\ufffd');
    }),
    FUZZ,
  );
});
