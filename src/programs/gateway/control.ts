import { mendable } from '../../host/files/no-space.ts';
import { Failure, failureDocument } from '../../model/failure.ts';
import type { AgentName } from '../../model/names.ts';
import type { Client } from '../../wire/client.ts';
import { receiveDescriptors } from '../../wire/handover.ts';
import type { CommandReply, Commands } from './api/do.ts';
import type { Inbox, Reply } from './asking.ts';
import type { Gateway } from './gateway.ts';
import { REQUESTS } from './requests.ts';

/** Answers the warden's requests. Descriptors come in the order of the frames they belong to, so both sides of the connection
 *  take theirs in a microtask of the frame: `dialThrough` in the one that its reply resolves, a request in the one made here.
 *  @param descriptors  the descriptor that descriptors arrive on */
export function answerWarden(client: Client, descriptors: number, gateway: Gateway): void {
  client.onNotice = (notice) => {
    void Promise.resolve().then(() =>
      answer(client, descriptors, gateway, notice as Readonly<Record<string, unknown>>),
    );
  };
}

async function answer(
  client: Client,
  descriptors: number,
  gateway: Gateway,
  frame: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { id } = frame;
  try {
    const name = typeof frame.do === 'string' ? frame.do : '';
    const act = Object.hasOwn(REQUESTS, name) ? REQUESTS[name] : undefined;
    if (act === undefined)
      throw new Failure('unknown-request', `there is no request ${name}`, 'Run bulkhead up again.');
    const ok = (await act(gateway, frame, () => receiveDescriptors(descriptors))) ?? {};
    client.reply({ id, ok });
  } catch (raw) {
    const error = mendable(raw, 'what the gateway keeps');
    if (!(error instanceof Failure)) throw error; // a bug, or a descriptor that cannot be served: the program ends
    const document = { ...failureDocument(error), exit: error.exit };
    client.reply({ id, error: document });
  }
}

/** Questions are put to the warden, which keeps them; the answer comes with the policy. */
export function wardenInbox(client: Client): Inbox {
  return {
    ask: async (agent, terms) => (await client.call('question.ask', { agent, terms })) as Reply,
    askBudget: async (agent, terms) => (await client.call('budget.ask', { agent, terms })) as Reply,
    use: async (agent, grant) => void (await client.call('question.use', { agent, grant })),
  };
}

/** Commands outside: the warden judges and runs them. */
export function wardenCommands(client: Client, descriptors: number): Commands {
  return {
    ask: async (agent, argv) => (await client.call('elevated.ask', { agent, argv })) as CommandReply,
    start: async (ticket) =>
      (await client.call('elevated.start', { ticket }, () => oneDescriptor(descriptors))) as number,
  };
}

/** What a person should hear of; nobody waits for it. */
export function tellWarden(client: Client): (agent: string, text: string) => void {
  return (agent, text) => void client.call('finding', { agent, text }).catch(() => {}); // it is on record all the same
}

/** Asks the warden for a connection to 127.0.0.1:port inside a compartment. @throws Failure as the warden said it */
export function dialThrough(client: Client, descriptors: number): (agent: AgentName, port: number) => Promise<number> {
  return async (agent, port) =>
    (await client.call('dial', { agent, port }, () => oneDescriptor(descriptors))) as number;
}

function oneDescriptor(over: number): number {
  const [fd] = receiveDescriptors(over);
  if (fd === undefined) throw new Error('the warden sent no descriptor');
  return fd;
}
