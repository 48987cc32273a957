import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import type { SshBinding } from '../../src/model/ssh-binding.ts';
import { type Bound, judgeBind, judgeSign, keysFor, type SigningKey } from '../../src/policy/ssh-signing.ts';
import type { SessionBind } from '../../src/protocol/ssh-agent.ts';
import { ed25519Blob } from '../../src/protocol/ssh-key.ts';
import { sshString } from '../../src/protocol/ssh-wire.ts';

const made = (): { blob: Buffer; line: string; signs: (bytes: Buffer) => Buffer } => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const blob = ed25519Blob(Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url'));
  return {
    ...{ blob, line: `ssh-ed25519 ${blob.toString('base64')}` },
    signs: (bytes) => Buffer.concat([sshString('ssh-ed25519'), sshString(sign(null, bytes, privateKey))]),
  };
};
const [server, stranger, own, second] = [made(), made(), made(), made()];
const SESSION = Buffer.alloc(32, 1);
const binding: SshBinding = { host: 'git.test', port: 22, user: 'git', hostKeys: [server.line] };
const elsewhere: SshBinding = { host: 'two.test', port: 2222, user: 'git', hostKeys: [stranger.line] };
const keys: readonly SigningKey[] = [
  { binding, blob: own.blob },
  { binding: elsewhere, blob: second.blob },
];
const THERE = { host: 'git.test', port: 22 };

const bind = (change: Partial<SessionBind> = {}): SessionBind => ({
  ...{ hostKey: server.blob, sessionId: SESSION, signature: server.signs(SESSION), forwarding: false },
  ...change,
});
const judged = (change: Partial<SessionBind> = {}, heard = [THERE], before: Bound = { kind: 'none' }) =>
  judgeBind(before, bind(change), [binding, elsewhere], () => heard);
const bound = (verdict: ReturnType<typeof judged>): Bound => {
  assert.equal(verdict.kind, 'bound');
  return (verdict as Extract<typeof verdict, { kind: 'bound' }>).bound;
};
const session = bound(judged());

interface Login {
  readonly sessionId?: Buffer;
  readonly user?: string;
  readonly service?: string;
  readonly algorithm?: string;
  readonly key?: Buffer;
  readonly hostKey?: Buffer;
}
const login = ({ sessionId = SESSION, user = 'git', service = 'ssh-connection', ...more }: Login = {}): Buffer =>
  Buffer.concat([
    ...[sshString(sessionId), Buffer.from([50]), sshString(user), sshString(service)],
    sshString(more.hostKey ? 'publickey-hostbound-v00@openssh.com' : 'publickey'),
    ...[Buffer.from([1]), sshString(more.algorithm ?? 'ssh-ed25519'), sshString(more.key ?? own.blob)],
    ...(more.hostKey ? [sshString(more.hostKey)] : []),
  ]);
const why = (at: Bound, data: Buffer, key = own.blob, flags = 0): string => {
  const verdict = judgeSign(at, { key, data, flags }, keys);
  return verdict.kind === 'sign' ? 'signs' : verdict.why;
};

test('a login as the bound user, in the bound session, with the key for that server, is signed; in both its forms', () => {
  assert.equal(why(session, login()), 'signs');
  assert.equal(why(session, login({ hostKey: server.blob })), 'signs');
});

test('whatever differs from that is not signed', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    [why({ kind: 'none' }, login()), /not bound/],
    [why(session, login({ sessionId: Buffer.alloc(32, 2) })), /another session/],
    [why(session, login({ user: 'root' })), /another user/],
    [why(session, login({ user: 'git\u0000' })), /another user/],
    [why(session, login({ service: 'ssh-userauth' })), /another service/],
    [why(session, login({ algorithm: 'ssh-rsa' })), /another key/],
    [why(session, login({ key: second.blob })), /another key/],
    [why(session, login({ key: second.blob }), second.blob), /a server that this key is not for/],
    [why(session, login({ hostKey: stranger.blob })), /another host key/],
    [why(session, login(), own.blob, 2), /flags/],
    [why(session, login(), stranger.blob), /not this agent’s/],
    [why(session, Buffer.concat([login(), Buffer.from([0])])), /other than a login/],
    [why(session, Buffer.from('SSHSIG\0\0\0\0')), /other than a login/],
    [why(session, SESSION), /other than a login/],
  ];
  for (const [said, expected] of cases) assert.match(said, expected);
});

test('a session is bound by the host key’s own signature over it, once, and never forwarded', () => {
  const refused = (verdict: ReturnType<typeof judged>): string => (verdict.kind === 'refused' ? verdict.why : 'bound');
  assert.match(refused(judged({ signature: stranger.signs(SESSION) })), /not the host key’s/);
  assert.match(refused(judged({ sessionId: Buffer.alloc(32, 2) })), /not the host key’s/);
  assert.match(refused(judged({ hostKey: stranger.blob })), /not the host key’s/);
  assert.match(refused(judged({ forwarding: true })), /not to be forwarded/);
  assert.match(refused(judged({}, [THERE], session)), /bound twice/);
  assert.match(refused(judged({}, [THERE], { kind: 'foreign', why: '' })), /bound twice/);
  assert.match(refused(judged({ hostKey: Buffer.from('x') })), /no kind that is used/);
  for (const length of [0, 19, 65])
    assert.match(
      refused(judged({ sessionId: Buffer.alloc(length), signature: server.signs(Buffer.alloc(length)) })),
      /not the host key’s/,
    );
});

test('no signature is looked at of a host key that no binding names: the client chooses how much work that is', () => {
  assert.equal(bound(judged({ hostKey: made().blob, signature: Buffer.from('none') })).kind, 'foreign');
});

test('a session with another server, or that does not pass the gateway to the bound one, gets no key and no signature', () => {
  const other = made();
  const foreign = bound(judged({ hostKey: other.blob, signature: other.signs(SESSION) }));
  for (const at of [foreign, bound(judged({}, [])), bound(judged({}, [{ host: 'git.test', port: 2222 }]))]) {
    assert.equal(at.kind, 'foreign');
    assert.deepEqual(keysFor(at, keys), []);
    assert.match(why(at, login()), /^to log in/);
  }
});

test('keys are shown for the server that a session is with; before that all of the agent’s', () => {
  assert.deepEqual(keysFor({ kind: 'none' }, keys), keys);
  assert.deepEqual(keysFor(session, keys), [keys[0]]);
});
