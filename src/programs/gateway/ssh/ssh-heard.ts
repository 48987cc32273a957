import type { Socket } from 'node:net';
import type { SshBinding } from '../../../model/ssh-binding.ts';
import { type Destination, isAt } from '../../../policy/egress.ts';
import { ClearReplies } from '../../../protocol/ssh-clear.ts';
import type { Contain } from '../contained.ts';

/** What the servers of open connections said in their key exchange: only for a session that passes here is a login signed. */
export class Heard {
  readonly #said = new Map<object, { readonly at: Destination; readonly replies: ClearReplies }>();

  /** @param passage  the connection; forgotten when its upstream closes
   *  @param upstream  whose bytes begin to flow now
   *  @param contain  what reads them ends with this connection alone */
  listen(passage: object, at: Destination, upstream: Socket, contain: Contain): void {
    const replies = new ClearReplies();
    const take = contain((chunk: Buffer): void => {
      replies.push(chunk);
      if (replies.done) upstream.off('data', take);
    });
    this.#said.set(passage, { at, replies });
    upstream.on('data', take).once('close', () => this.#said.delete(passage));
  }

  /** Where connections go whose server has said this key, with this signature, in the clear. */
  from(hostKey: Buffer, signature: Buffer): Destination[] {
    return [...this.#said.values()].flatMap(({ at, replies }) => (replies.has(hostKey, signature) ? [at] : []));
  }
}

export function isForSsh(bindings: readonly SshBinding[], to: Destination): boolean {
  return bindings.some((one) => isAt(one, to));
}
