import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { listenFor } from '../../../host/net/signer-socket.ts';
import { SOCK_DGRAM, SOCK_STREAM, socketPair } from '../../../host/pipes.ts';
import { ASK } from '../../../model/ask-times.ts';
import { BREAKER } from '../../../model/budget.ts';
import type { SshKeyEntry, SshKeysDocument } from '../../../model/documents.ts';
import { Failure, failureDocument } from '../../../model/failure.ts';
import type { WantedFleet } from '../../../model/fleet.ts';
import type { Lease } from '../../../model/lent-key.ts';
import type { PlaceholderFile } from '../../../model/placeholder-text.ts';
import { elevatedText } from '../../../policy/elevated/text.ts';
import { Client } from '../../../wire/client.ts';
import { dialIn, type NetSpace, socketsIn } from '../compartments/net-space.ts';
import type { Outside } from '../gate/gate-link.ts';
import { DescriptorWay } from './descriptor-way.ts';
import { answered } from './soon.ts';

/** An approved destination, as the gateway gets it. */
export interface DestinationGrant {
  /** The question's number. */
  readonly id: number;
  readonly host: string;
  readonly port: number;
  /** Good for one connection; the gateway says so before it makes it. */
  readonly once: boolean;
}

/** What the gateway may ask of the warden besides a connection into a compartment. */
export interface Asked {
  readonly ask: (agent: unknown, terms: unknown) => Promise<object>;
  readonly use: (agent: unknown, id: unknown) => Promise<void>;
  readonly askBudget: (agent: unknown, terms: unknown) => Promise<object>;
  readonly outside: Outside;
  /** Something a person should hear of. */
  readonly finding: (agent: unknown, text: unknown) => void;
}

/** The warden's end of one running gateway: two socket pairs made before it starts. */
export class GatewayLink {
  readonly #client: Client;
  readonly #way: DescriptorWay;
  /** The gateway's ends, to be given to it at its start. */
  readonly theirs: readonly [number, number];

  /** @param netnsOf  where an agent's network namespace is; undefined for an agent we do not have */
  constructor(netnsOf: (agent: string) => NetSpace | undefined, asked: Asked) {
    const control = socketPair(SOCK_STREAM);
    const descriptors = socketPair(SOCK_DGRAM);
    this.theirs = [control.theirs, descriptors.theirs];
    this.#way = new DescriptorWay(descriptors.ours);
    this.#client = new Client(new Socket({ fd: control.ours }));
    this.#client.onNotice = (frame) => void this.#answer(frame as Record<string, unknown>, netnsOf, asked);
    this.#client.onEnd = () => this.#way.close();
  }

  async ready(): Promise<void> {
    await this.#client.call('status');
  }

  async policy(
    fleet: WantedFleet,
    leases: ReadonlyMap<string, Lease>,
    granted: ReadonlyMap<string, readonly DestinationGrant[]>,
  ): Promise<void> {
    const agents = fleet.agents.map(({ name, egress, egressAsk, ask, elevated, secrets, budget, ssh }) => ({
      ...{ name, egress: [...egress, ...(leases.get(name)?.rules ?? [])], secrets, ssh },
      ...{ grants: granted.get(name) ?? [], lent: leases.get(name)?.keys ?? [] },
      ...(elevated && { elevated: elevated.map(elevatedText) }),
      budget: { repeats: BREAKER, ...budget },
      budgetMs: (ask ?? ASK).wait,
      // Nobody is asked about the attacks of a drill.
      ...(egressAsk && !leases.has(name) && { askMs: (ask ?? ASK).wait }),
    }));
    await this.#client.call('policy', {
      agents,
      roots: (fleet.roots ?? []).map(rootFile),
      prices: fleet.prices ?? [],
    });
  }

  /** Makes the agent's sockets in its namespace and hands them over; we keep none. */
  async listen(agent: string, netns: NetSpace): Promise<void> {
    const sockets = await socketsIn(netns);
    this.#way.give(Object.values(sockets));
    await this.#client.call('listen', { agent, sockets: Object.keys(sockets) });
  }

  /** What people have given beyond budgets: all of it. */
  async allow(allowances: readonly object[]): Promise<void> {
    await this.#client.call('allowances', { allowances });
  }

  /** Counts a run. @returns why it may not be */
  async run(agent: string): Promise<string | undefined> {
    return ((await answered(this.#client.call('run', { agent }))) as { stopped?: string }).stopped;
  }

  usage(agent: unknown, days: number): Promise<unknown> {
    return answered(this.#client.call('usage', { ...(agent !== undefined && { agent }), days }));
  }

  /** Hands over the socket on which the gateway signs for an agent; we keep none. */
  async sign(agent: string, path: string, gid: number | undefined): Promise<void> {
    this.#way.give([listenFor(path, gid)]);
    await this.#client.call('ssh.listen', { agent });
  }

  /** Of all agents. */
  async sshKeys(): Promise<readonly SshKeyEntry[]> {
    return ((await answered(this.#client.call('ssh.keys'))) as SshKeysDocument).keys;
  }

  /** @returns how many connections it ended */
  async renewSshKey(agent: string, at: object): Promise<number> {
    return ((await answered(this.#client.call('ssh.renew', { ...at, agent }))) as { ended: number }).ended;
  }

  /** A question of the gateway's came to an end that is no yes. */
  async answered(agent: string, id: number, state: string): Promise<void> {
    await this.#client.call('answered', { agent, question: id, state });
  }

  /** Ends what runs under a grant, and lets nothing new through to its destination, unasked, until `unbar`. @returns how many it ended */
  async revoke(agent: string, { id, host, port }: Pick<DestinationGrant, 'id' | 'host' | 'port'>): Promise<number> {
    return ((await this.#client.call('revoke', { agent, grant: { id, host, port } })) as { ended: number }).ended;
  }

  /** Posts a notice to a webhook of the operator's. @throws Failure `not-told` */
  async notify(url: string, type: string, body: string): Promise<void> {
    await this.#client.call('notify', { url, type, body });
  }

  async unbar(agent: string): Promise<void> {
    await this.#client.call('unbar', { agent });
  }

  /** What an operator asks about secrets, passed on as it came. */
  secrets(
    request: 'recipient' | 'set' | 'login' | 'revoke' | 'test' | 'list' | 'placeholders' | 'files' | 'authority',
    body: object = {},
  ): Promise<unknown> {
    return answered(this.#client.call(`secrets.${request}`, body));
  }

  /** What an agent has in its environment instead of its secrets. */
  async placeholders(agent: string): Promise<Readonly<Record<string, string>>> {
    return (await this.secrets('placeholders', { agent })) as Record<string, string>;
  }

  /** Files of its home with placeholders in them. */
  async homeFiles(agent: string): Promise<readonly PlaceholderFile[]> {
    return ((await this.secrets('files', { agent })) as { files: PlaceholderFile[] }).files;
  }

  async forget(agent: string): Promise<void> {
    await this.#client.call('forget', { agent, names: true });
  }

  async publish(agent: string, port: number): Promise<void> {
    await this.#client.call('publish', { agent, port });
  }

  async unpublish(agent: string, port: number): Promise<void> {
    await this.#client.call('unpublish', { agent, port });
  }

  async denials(agent: string): Promise<unknown> {
    return this.#client.call('denials', { agent });
  }

  /** What the gateway asks of us: a connection to a port inside a compartment. Nothing of it is parsed or kept here. */
  async #answer(
    frame: Record<string, unknown>,
    netnsOf: (agent: string) => NetSpace | undefined,
    asked: Asked,
  ): Promise<void> {
    const { id, do: request, agent, port } = frame;
    try {
      if (request === 'question.ask') return this.#client.reply({ id, ok: await asked.ask(agent, frame.terms) });
      if (request === 'budget.ask') return this.#client.reply({ id, ok: await asked.askBudget(agent, frame.terms) });
      if (request === 'question.use') {
        await asked.use(agent, frame.grant);
        return this.#client.reply({ id, ok: {} });
      }
      if (request === 'elevated.ask')
        return this.#client.reply({ id, ok: await asked.outside.ask(agent, frame.argv, 'api') });
      if (request === 'elevated.start') {
        this.#way.give([await asked.outside.start(frame.ticket)]);
        return this.#client.reply({ id, ok: {} });
      }
      if (request === 'finding') {
        asked.finding(agent, frame.text);
        return this.#client.reply({ id, ok: {} });
      }
      const netns = typeof agent === 'string' ? netnsOf(agent) : undefined;
      if (request !== 'dial' || netns === undefined || typeof port !== 'number')
        throw new Failure(
          'unknown-request',
          'the gateway may ask for a connection into a compartment, and for answers, only',
          'Run bulkhead up again.',
          1,
        );
      this.#way.give([await dialIn(netns, port)]);
      this.#client.reply({ id, ok: {} });
    } catch (error) {
      const failure =
        error instanceof Failure
          ? error
          : new Failure('internal', (error as Error).message, 'See: bulkhead logs warden', 1);
      this.#client.reply({ id, error: failureDocument(failure) });
    }
  }
}

/** @throws Failure `no-roots` */
function rootFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code;
    throw new Failure(
      'no-roots',
      `roots: names ${path}, which cannot be read (${why}).`,
      'Correct the path in fleet.yaml.',
      2,
    );
  }
}
