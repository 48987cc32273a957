import { sign } from 'node:crypto';
import type { Socket } from 'node:net';
import type { SshBinding } from '../../../model/ssh-binding.ts';
import { sshText } from '../../../model/ssh-binding.ts';
import { type Bound, judgeBind, judgeSign, keysFor } from '../../../policy/ssh-signing.ts';
import {
  type AgentRequest,
  FAILURE,
  firstMessage,
  identitiesAnswer,
  LONGEST_REQUEST,
  readRequest,
  SUCCESS,
  signResponse,
} from '../../../protocol/ssh-agent.ts';
import { fingerprint } from '../../../protocol/ssh-key.ts';
import type { Contain } from '../contained.ts';
import type { Recorder } from '../record/record.ts';
import type { Heard } from './ssh-heard.ts';
import type { SshKey } from './ssh-keys.ts';

const IDLE_MS = 300_000;

/** What one agent's signer stands on. */
export interface Desk {
  readonly agent: string;
  readonly recorder: Recorder;
  readonly heard: Heard;
  /** The agent's keys as they are now, each with what it is bound to. */
  readonly keys: () => readonly { readonly binding: SshBinding; readonly blob: Buffer; readonly key: SshKey }[];
  /** Whether one more signature may be given now. */
  readonly mayNow: () => boolean;
  /** Records a refusal, and tells a person. */
  readonly refuse: (why: string, more: object) => void;
}

/** Answers one connection from inside: requests in their order, one at a time; what is too long, malformed or bound wrongly ends it.
 *  @param contain  for what it does when something comes */
export function attendSigner(desk: Desk, client: Socket, contain: Contain): void {
  let bytes: Buffer = Buffer.alloc(0);
  let bound: Bound = { kind: 'none' };
  let busy = false;
  const next = async (): Promise<void> => {
    while (!client.destroyed) {
      const message = whole(bytes);
      if (message === 'too long') {
        desk.refuse('a request that is too long', {});
        return void client.destroy();
      }
      if (message === undefined) return;
      bytes = bytes.subarray(4 + message.length);
      const { answer, now, last } = await answerRequest(desk, bound, readRequest(message));
      bound = now;
      if (client.destroyed) return;
      if (last) {
        client.off('data', data); // whatever else comes is not heard
        return void client.end(answer);
      }
      if (!client.write(answer)) await drained(client);
    }
  };
  client.setTimeout(IDLE_MS, () => client.destroy());
  const data = contain((chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    if (busy) {
      if (bytes.length > LONGEST_REQUEST) client.pause();
      return undefined;
    }
    busy = true;
    return next().finally(() => {
      busy = false;
      client.resume();
    });
  });
  client.on('data', data);
}

function whole(bytes: Buffer): Uint8Array | undefined | 'too long' {
  try {
    return firstMessage(bytes);
  } catch (error) {
    if (error instanceof RangeError) return 'too long';
    throw error;
  }
}

/** Who does not read its answers gets no more of them. */
function drained(client: Socket): Promise<void> {
  return new Promise((resolve) => {
    client.once('drain', resolve).once('close', resolve);
  });
}

interface Answered {
  readonly answer: Buffer;
  readonly now: Bound;
  readonly last?: true;
}

async function answerRequest(desk: Desk, bound: Bound, request: AgentRequest): Promise<Answered> {
  const failed = { answer: FAILURE, now: bound };
  switch (request.do) {
    case 'list': {
      const shown = keysFor(bound, desk.keys());
      const answer = identitiesAnswer(shown.map(({ blob, binding }) => ({ blob, comment: sshText(binding) })));
      return { answer, now: bound };
    }
    case 'bind': {
      const bindings = desk.keys().map(({ binding }) => binding);
      const verdict = judgeBind(bound, request.bind, bindings, (key, signature) => desk.heard.from(key, signature));
      if (verdict.kind === 'bound') return { answer: SUCCESS, now: verdict.bound };
      desk.refuse(verdict.why, {});
      return { ...failed, last: true };
    }
    case 'sign':
      return { answer: await signed(desk, bound, request), now: bound };
    case 'malformed':
      desk.refuse('a request that is not whole', {});
      return { ...failed, last: true };
    case 'other':
      return failed;
  }
}

async function signed(desk: Desk, bound: Bound, request: Extract<AgentRequest, { do: 'sign' }>): Promise<Buffer> {
  const verdict = judgeSign(bound, request, desk.keys());
  const at = bound.kind === 'session' ? bound.at : {};
  if (verdict.kind === 'refused') {
    desk.refuse(verdict.why, at);
    return FAILURE;
  }
  if (!desk.mayNow()) {
    desk.refuse('too many logins at once', at);
    return FAILURE;
  }
  const { binding, blob, key } = verdict.key;
  const { host, port, user } = binding;
  const entry = { event: 'ssh.signed', agent: desk.agent, host, port, user, fingerprint: fingerprint(blob) };
  try {
    await desk.recorder.append([entry], 'acknowledged');
  } catch {
    desk.refuse('the record cannot be written', at);
    return FAILURE;
  }
  // What was taken away or renewed meanwhile signs no more.
  if (!desk.keys().some((one) => one.key === key)) return FAILURE;
  return signResponse(sign(null, request.data, key.key));
}
