import type { SshBinding } from '../model/ssh-binding.ts';
import type { SessionBind } from '../protocol/ssh-agent.ts';
import { readKeyLine, readPublicKey, verifies } from '../protocol/ssh-key.ts';
import { readUserauth } from '../protocol/ssh-userauth.ts';

/** What an agent's SSH key signs: that it logs in, as the bound user, to the server that holds the bound host key, in the one session that
 *  this connection to the signer was bound to. Nothing else, whoever asks. */

/** One key, and where it is for. */
export interface SigningKey {
  readonly binding: SshBinding;
  /** Its public half, as it goes over the wire. */
  readonly blob: Buffer;
}

/** What a connection to the signer is bound to. */
export type Bound =
  | { readonly kind: 'none' }
  /** A session that no key is for; none is shown to it. */
  | { readonly kind: 'foreign'; readonly why: string }
  | { readonly kind: 'session'; readonly sessionId: Buffer; readonly hostKey: Buffer; readonly at: Where };

interface Where {
  readonly host: string;
  readonly port: number;
}

/** @param heard  the destinations of open connections whose server has said this key and this signature in its key exchange */
export type HeardFrom = (hostKey: Buffer, signature: Buffer) => readonly Where[];

export type BindVerdict =
  | { readonly kind: 'bound'; readonly bound: Bound }
  /** The connection to the signer is of no more use. */
  | { readonly kind: 'refused'; readonly why: string };

/** A session-bind: who the server is that the client has exchanged keys with. */
export function judgeBind(
  before: Bound,
  bind: SessionBind,
  bindings: readonly SshBinding[],
  heard: HeardFrom,
): BindVerdict {
  if (before.kind !== 'none') return refused('bound twice: a connection is for one session');
  if (bind.forwarding) return refused('the signer is not to be forwarded to another machine');
  const hostKey = readPublicKey(bind.hostKey);
  if (hostKey === undefined) return refused('bound to a host key of no kind that is used');
  // The client chooses the key, and so how much work its signature is: none is looked at of a key that no binding names.
  const bound = bindings.filter((one) => keysOf(one).some((blob) => blob.equals(hostKey.blob)));
  if (bound.length === 0) return foreign('to log in to a server that this key is not for');
  if (
    bind.sessionId.length < SHORTEST_HASH ||
    bind.sessionId.length > LONGEST_HASH ||
    !verifies(hostKey, bind.sessionId, bind.signature)
  )
    return refused('bound with a signature that is not the host key’s');
  const from = heard(bind.hostKey, bind.signature);
  const at = bound.find(({ host, port }) => from.some((one) => one.host === host && one.port === port));
  if (at === undefined) return foreign('to log in over a connection that does not go through the gateway to there');
  const { host, port } = at;
  return {
    kind: 'bound',
    bound: { kind: 'session', sessionId: bind.sessionId, hostKey: bind.hostKey, at: { host, port } },
  };
}

/** Session identifiers are the hash of the first key exchange (RFC 4253, section 7.2): SHA-1 to SHA-512. */
const SHORTEST_HASH = 20;
const LONGEST_HASH = 64;

const READ = new WeakMap<SshBinding, readonly Buffer[]>();

/** The host keys that a binding names, read once. */
function keysOf(binding: SshBinding): readonly Buffer[] {
  const known = READ.get(binding);
  if (known !== undefined) return known;
  const blobs = binding.hostKeys.flatMap((line) => readKeyLine(line)?.blob ?? []);
  READ.set(binding, blobs);
  return blobs;
}

/** The keys that are of use there: all that are for it; before a session is bound all of the agent's. */
export function keysFor<K extends SigningKey>(bound: Bound, keys: readonly K[]): K[] {
  if (bound.kind === 'none') return [...keys];
  if (bound.kind === 'foreign') return [];
  return keys.filter(({ binding }) => binding.host === bound.at.host && binding.port === bound.at.port);
}

export type SignVerdict<K> =
  | { readonly kind: 'sign'; readonly key: K }
  | { readonly kind: 'refused'; readonly why: string };

/** Whether this key may sign these bytes on a connection that is bound so. */
export function judgeSign<K extends SigningKey>(
  bound: Bound,
  { key, data, flags }: { readonly key: Buffer; readonly data: Buffer; readonly flags: number },
  keys: readonly K[],
): SignVerdict<K> {
  const own = keys.find(({ blob }) => blob.equals(key));
  if (own === undefined) return refused('a key that is not this agent’s');
  const { binding } = own;
  if (flags !== 0) return refused('flags that an Ed25519 key has no use for');
  const request = readUserauth(data);
  if (request === undefined) return refused('to sign something other than a login');
  if (bound.kind === 'none') return refused('to sign for a session that was not bound (OpenSSH before 8.9 does not)');
  if (bound.kind === 'foreign') return refused(bound.why);
  if (!keysFor(bound, keys).includes(own)) return refused('to log in to a server that this key is not for');
  if (!request.sessionId.equals(bound.sessionId)) return refused('to log in to another session than the bound one');
  if (request.hostKey !== undefined && !request.hostKey.equals(bound.hostKey))
    return refused('to log in to a server with another host key');
  if (request.user !== binding.user) return refused('to log in as another user');
  if (request.service !== 'ssh-connection') return refused('to log in for another service');
  if (request.algorithm !== 'ssh-ed25519' || !request.key.equals(own.blob))
    return refused('to log in with another key');
  return { kind: 'sign', key: own };
}

function refused(why: string): { readonly kind: 'refused'; readonly why: string } {
  return { kind: 'refused', why };
}

function foreign(why: string): BindVerdict {
  return { kind: 'bound', bound: { kind: 'foreign', why } };
}

/** What is registered at the server: the line of an authorized_keys file (sshd(8)). */
export function publicLine(blob: Uint8Array, comment: string): string {
  return `ssh-ed25519 ${Buffer.from(blob).toString('base64')} ${comment}`;
}
