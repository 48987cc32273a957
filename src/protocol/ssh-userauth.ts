import { readAll } from './ssh-wire.ts';

/** What a client that logs in with a key has signed (RFC 4252, section 7), or with the server's key in it
 *  (publickey-hostbound-v00@openssh.com: OpenSSH, PROTOCOL, section 3.1). */
export interface UserauthRequest {
  readonly sessionId: Buffer;
  readonly user: string;
  readonly service: string;
  readonly algorithm: string;
  readonly key: Buffer;
  readonly hostKey?: Buffer;
}

const USERAUTH_REQUEST = 50;
const PLAIN = 'publickey';
const HOSTBOUND = 'publickey-hostbound-v00@openssh.com';

/** @returns undefined for anything else that could be signed: SSHSIG begins with six bytes that are no length of a session's
 *  identifier, and nothing may be left over */
export function readUserauth(data: Uint8Array): UserauthRequest | undefined {
  return readAll(data, (from) => {
    const sessionId = from.string();
    if (from.byte() !== USERAUTH_REQUEST) throw new RangeError('no request to log in');
    const user = from.string().toString('utf8');
    const service = from.name();
    const method = from.name();
    if (method !== PLAIN && method !== HOSTBOUND) throw new RangeError('another method');
    if (!from.boolean()) throw new RangeError('nothing is signed in a query');
    const request = { sessionId, user, service, algorithm: from.name(), key: from.string() };
    return method === PLAIN ? request : { ...request, hostKey: from.string() };
  });
}
