import { readAll, SshReader, sshString, uint32 } from './ssh-wire.ts';

/** The agent’s side of the SSH agent protocol (RFC 9987; numbers: its section 8), with session-bind@openssh.com (OpenSSH, PROTOCOL.agent,
 *  section 1). Of all its requests three are read; the others are `other`, and get `FAILURE`. */
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
const EXTENSION = 27;
const BIND = 'session-bind@openssh.com';

/** The longest request that is read; what is to be signed to log in is a few hundred bytes, a host's RSA key and its signature two
 *  thousand. */
export const LONGEST_REQUEST = 16_384;

export interface SessionBind {
  readonly hostKey: Buffer;
  readonly sessionId: Buffer;
  readonly signature: Buffer;
  readonly forwarding: boolean;
}

export type AgentRequest =
  | { readonly do: 'list' }
  | { readonly do: 'sign'; readonly key: Buffer; readonly data: Buffer; readonly flags: number }
  | { readonly do: 'bind'; readonly bind: SessionBind }
  /** `malformed`: one of the three, and not whole. */
  | { readonly do: 'other' | 'malformed' };

export const FAILURE: Buffer = framed(Buffer.from([5]));
export const SUCCESS: Buffer = framed(Buffer.from([6]));

/** The first message of what has come so far, without its length; undefined: more is to come.
 *  @throws RangeError for a length that is none */
export function firstMessage(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < 4) return undefined;
  const length = new SshReader(bytes).uint32();
  if (length === 0 || length > LONGEST_REQUEST) throw new RangeError(`a message of ${length} bytes`);
  return bytes.length < 4 + length ? undefined : bytes.subarray(4, 4 + length);
}

/** @param message  as `firstMessage` gives it */
export function readRequest(message: Uint8Array): AgentRequest {
  const [type, ...rest] = [message[0], message.subarray(1)] as const;
  const body = rest[0] as Uint8Array;
  if (type === REQUEST_IDENTITIES) return { do: body.length === 0 ? 'list' : 'malformed' };
  if (type === SIGN_REQUEST)
    return (
      readAll(body, (from) => ({
        ...{ do: 'sign' as const, key: from.string() },
        ...{ data: from.string(), flags: from.uint32() },
      })) ?? MALFORMED
    );
  if (type === EXTENSION && sessionBindNamed(body))
    return readAll(body, (from) => ({ do: 'bind' as const, bind: sessionBind(from) })) ?? MALFORMED;
  return { do: 'other' };
}

const MALFORMED = { do: 'malformed' } as const;

function sessionBindNamed(body: Uint8Array): boolean {
  const name = sshString(BIND);
  return name.equals(body.subarray(0, name.length));
}

function sessionBind(from: SshReader): SessionBind {
  from.string();
  return {
    hostKey: from.string(),
    sessionId: from.string(),
    signature: from.string(),
    forwarding: from.boolean(),
  };
}

export function identitiesAnswer(keys: readonly { readonly blob: Uint8Array; readonly comment: string }[]): Buffer {
  const each = keys.flatMap(({ blob, comment }) => [sshString(blob), sshString(comment)]);
  return framed(Buffer.concat([Buffer.from([IDENTITIES_ANSWER]), uint32(keys.length), ...each]));
}

/** @param raw  an Ed25519 signature (RFC 8032), 64 bytes */
export function signResponse(raw: Uint8Array): Buffer {
  const signature = Buffer.concat([sshString('ssh-ed25519'), sshString(raw)]);
  return framed(Buffer.concat([Buffer.from([SIGN_RESPONSE]), sshString(signature)]));
}

function framed(body: Buffer): Buffer {
  return Buffer.concat([uint32(body.length), body]);
}
