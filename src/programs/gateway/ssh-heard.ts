import type { Socket } from 'node:net';
import type { SshBinding } from '../../model/ssh-binding.ts';
import type { Destination } from '../../policy/egress.ts';
import { sshString } from '../../protocol/ssh-wire.ts';

/** How much of a server's first words is kept: until the keys are exchanged it speaks in the clear (RFC 4253, sections 4.2 and 7). Its
 *  key, its signature and the lists of algorithms are some thousand bytes. */
const MOST = 32_768;

/** What the servers of open connections said at first: only for a session that passes here is a login signed. */
export class Heard {
  readonly #said = new Map<object, { readonly at: Destination; bytes: Buffer }>();

  /** @param passage  the connection; forgotten when its upstream closes
   *  @param upstream  whose bytes begin to flow now */
  listen(passage: object, at: Destination, upstream: Socket): void {
    const said = { at, bytes: Buffer.alloc(0) };
    const take = (chunk: Buffer): void => {
      said.bytes = Buffer.concat([said.bytes, chunk.subarray(0, MOST - said.bytes.length)]);
      if (said.bytes.length >= MOST) upstream.off('data', take);
    };
    this.#said.set(passage, said);
    upstream.on('data', take).once('close', () => this.#said.delete(passage));
  }

  /** Where connections go whose server has said this key, and then this signature: both stand in the reply of every key exchange
   *  (RFC 4253, section 8; RFC 5656, section 4). No other session has the same signature, as both sides' parts are in what it signs. */
  from(hostKey: Buffer, signature: Buffer): Destination[] {
    const [key, sign] = [sshString(hostKey), sshString(signature)];
    return [...this.#said.values()].flatMap(({ at, bytes }) => {
      const found = bytes.indexOf(key);
      return found >= 0 && bytes.indexOf(sign, found + key.length) >= 0 ? [at] : [];
    });
  }
}

export function isForSsh(bindings: readonly SshBinding[], { host, port }: Destination): boolean {
  return bindings.some((one) => one.host === host && one.port === port);
}
