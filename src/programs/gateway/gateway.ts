import { createServer, type Server, type Socket } from 'node:net';
import { canonicalJson } from '../../model/canonical.ts';
import { Failure } from '../../model/failure.ts';
import type { EgressRule } from '../../model/fleet.ts';
import type { AgentName, SecretName } from '../../model/names.ts';
import type { PlaceholderFile } from '../../model/placeholder-text.ts';
import type { SecretBinding } from '../../model/secret-binding.ts';
import type { Destination } from '../../policy/egress.ts';
import { type Grant, judge } from './asking.ts';
import { Compartment } from './compartment.ts';
import type { Denial } from './denials.ts';
import { serveDnsOverUdp } from './dns-udp.ts';
import type { Outside } from './passage.ts';
import { publishPort } from './publish.ts';
import { attend } from './transparent.ts';
import type { Vault } from './vault.ts';

export interface AgentPolicy {
  readonly name: AgentName;
  readonly egress: readonly EgressRule[];
  readonly grants: readonly Grant[];
  /** Absent: nothing is asked. Milliseconds. */
  readonly askMs?: number;
  /** Commands that run outside for it, as text. */
  readonly elevated?: readonly string[];
  readonly secrets: readonly SecretBinding[];
}

export interface AgentStatus {
  readonly name: AgentName;
  readonly listening: boolean;
  readonly open: number;
  readonly allowed: number;
  readonly denied: number;
}

interface Closable {
  close(): unknown;
}

/** The gateway's state: compartments, their listeners, published ports. Every method is one request of the warden. */
export class Gateway {
  readonly vault: Vault;
  readonly #outside: Outside;
  readonly #dir: string;
  readonly #dial: (agent: AgentName, port: number) => Promise<number>;
  readonly #compartments = new Map<AgentName, Compartment>();
  readonly #listeners = new Map<AgentName, Closable[]>();
  readonly #clients = new Map<AgentName, Set<Socket>>();
  readonly #published = new Map<number, { agent: AgentName; server: Server; open: Set<Socket> }>();

  /** @param dir  where the names of synthetic addresses are kept
   *  @param dial  asks the warden for a connection into a compartment */
  constructor(outside: Outside, dir: string, dial: (agent: AgentName, port: number) => Promise<number>, vault: Vault) {
    this.vault = vault;
    this.#outside = outside;
    this.#dir = dir;
    this.#dial = dial;
  }

  /** Replaces the whole table at once; an agent that is not in it may nothing. Resolves when all that is not allowed any more, or
   *  on other terms, is closed. */
  async policy(agents: readonly AgentPolicy[], roots: readonly string[]): Promise<void> {
    this.#outside.keys.roots.more = roots;
    const policies = new Map(agents.map((agent) => [agent.name, agent]));
    for (const { name } of agents) this.#compartment(name);
    const ending: Promise<void>[] = [];
    for (const compartment of this.#compartments.values()) {
      const policy = policies.get(compartment.name);
      const rebound = canonicalJson(compartment.bindings) !== canonicalJson(policy?.secrets ?? []);
      const before = compartment.bindings;
      compartment.bindings = policy?.secrets ?? [];
      const touched = (to: Destination): boolean =>
        rebound && [...before, ...compartment.bindings].some((one) => isAt(one, to));
      compartment.rules = policy?.egress ?? [];
      compartment.grants = policy?.grants ?? [];
      compartment.askMs = policy?.askMs;
      compartment.elevated = policy?.elevated ?? [];
      for (const { id } of compartment.grants) compartment.answers.give(id, undefined);
      for (const passage of compartment.passages) {
        const verdict = judge(compartment, passage.destination);
        const same = verdict.kind === 'allow' && verdict.address === passage.terms.address;
        const unread = !passage.read && compartment.reads(passage.destination);
        if (same && !unread && !touched(passage.destination)) continue;
        // What was approved once is used up, and stands until it ends, is revoked, or its agent is no longer there.
        if (passage.terms.grant?.once && policy && !touched(passage.destination)) continue;
        passage.end('policy changed');
        ending.push(passage.closed());
      }
    }
    await Promise.all(ending);
  }

  /** A question came to an end that is no yes: whoever is held for it goes. */
  answered(agent: AgentName, id: number, state: string): void {
    this.#compartments.get(agent)?.answers.give(id, state);
  }

  /** Ends what runs under a grant, and refuses its destination unasked until `unbar`. @returns how many connections it ended */
  async revoke(agent: AgentName, grant: Omit<Grant, 'once'>): Promise<{ ended: number }> {
    const compartment = this.#compartment(agent);
    compartment.barred = grant;
    compartment.grants = compartment.grants.filter(({ id }) => id !== grant.id);
    const under = [...compartment.passages].filter(({ terms }) => terms.grant?.id === grant.id);
    for (const passage of under) passage.end(`approval ${grant.id} was revoked`);
    await Promise.all(under.map((passage) => passage.closed()));
    return { ended: under.length };
  }

  /** A secret is another, or none, from now on. @returns how many connections that had used it were ended */
  async secretChanged(name: SecretName): Promise<number> {
    const ending = [...this.#compartments.values()].flatMap(({ bindings, passages }) => {
      const where = bindings.filter(({ secret }) => secret === name);
      return [...passages].filter(({ read, destination }) => read && where.some((one) => isAt(one, destination)));
    });
    for (const passage of ending) passage.end(`the secret ${name} was changed`);
    await Promise.all(ending.map((passage) => passage.closed()));
    return ending.length;
  }

  /** What the agent has in its environment instead of its secrets. */
  placeholders(agent: AgentName): Record<string, string> {
    return this.#outside.keys.credentials.placeholders(agent, this.#compartment(agent).bindings);
  }

  /** Files that it finds in its home, with placeholders in them. */
  placeholderFiles(agent: AgentName): PlaceholderFile[] {
    return this.#outside.keys.credentials.files(agent, this.#compartment(agent).bindings);
  }

  /** The certificate that compartments are to trust, as PEM. */
  get authority(): string {
    return this.#outside.keys.authority.certificate;
  }

  unbar(agent: AgentName): void {
    this.#compartment(agent).barred = undefined;
  }

  /** @param fds  tcp4, tcp6, dns4, dns6; owned by the gateway from now on */
  async listen(agent: AgentName, fds: readonly [number, number, number, number]): Promise<void> {
    this.#closeListeners(agent);
    const compartment = this.#compartment(agent);
    const opened: Closable[] = [];
    this.#listeners.set(agent, opened);
    for (const fd of fds.slice(0, 2)) opened.push(await this.#serveTcp(compartment, fd));
    opened.push(await serveDnsOverUdp(compartment, fds[2], 4), await serveDnsOverUdp(compartment, fds[3], 6));
  }

  /** @param names  the compartment is gone: its addresses may stand for other names in the next */
  async forget(agent: AgentName, names: boolean): Promise<void> {
    this.#closeListeners(agent);
    for (const [port, { agent: owner }] of this.#published) if (owner === agent) await this.unpublish(agent, port);
    const compartment = this.#compartments.get(agent);
    const passages = [...(compartment?.passages ?? [])];
    for (const passage of passages) passage.end('the compartment was closed');
    for (const client of this.#clients.get(agent) ?? []) client.destroy();
    await Promise.all(passages.map((passage) => passage.closed()));
    await compartment?.settle();
    if (names) compartment?.names.forget();
  }

  /** @throws Failure `port-occupied` */
  async publish(agent: AgentName, port: number): Promise<void> {
    const standing = this.#published.get(port);
    if (standing?.agent === agent) return;
    if (standing !== undefined)
      throw new Failure(
        'port-occupied',
        `port ${port} is published by ${standing.agent} already`,
        `Give ${agent} another port in fleet.yaml, or take it from ${standing.agent}.`,
        2,
      );
    const server = await publishPort(port, () => this.#dial(agent, port));
    const open = new Set<Socket>();
    server.on('connection', (socket: Socket) => {
      open.add(socket);
      socket.once('close', () => open.delete(socket));
    });
    this.#published.set(port, { agent, server, open });
  }

  async unpublish(agent: AgentName, port: number): Promise<void> {
    const standing = this.#published.get(port);
    if (standing?.agent !== agent) return;
    this.#published.delete(port);
    for (const socket of standing.open) socket.destroy();
    await new Promise((resolve) => standing.server.close(resolve));
  }

  status(): { agents: readonly AgentStatus[] } {
    return {
      agents: [...this.#compartments.values()]
        .filter((one) => this.#stands(one))
        .map(({ name, passages, allowed, denied }) => ({
          name,
          listening: this.#listeners.has(name),
          open: passages.size,
          allowed,
          denied,
        })),
    };
  }

  /** An agent that policy no longer names, and that is gone, is not listed. */
  #stands({ name, rules }: Compartment): boolean {
    return rules.length > 0 || this.#listeners.has(name);
  }

  denials(agent: AgentName): { denials: readonly Denial[] } {
    return { denials: this.#compartments.get(agent)?.denials.list() ?? [] };
  }

  #compartment(agent: AgentName): Compartment {
    const known = this.#compartments.get(agent);
    if (known) return known;
    const made = new Compartment(agent, this.#dir, this.#outside.recorder);
    this.#compartments.set(agent, made);
    return made;
  }

  #serveTcp(compartment: Compartment, fd: number): Promise<Server> {
    const clients = this.#clients.get(compartment.name) ?? new Set<Socket>();
    this.#clients.set(compartment.name, clients);
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
      compartment.connections += 1;
      clients.add(client);
      client.on('error', () => client.destroy()); // the agent's end broke; `close` follows
      client.once('close', () => {
        compartment.connections -= 1;
        clients.delete(client);
      });
      attend(this.#outside, compartment, client).catch((bug) => {
        client.destroy();
        throw bug; // ends the program: an unhandled rejection
      });
    });
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ fd }, () => resolve(server));
    });
  }

  #closeListeners(agent: AgentName): void {
    for (const listener of this.#listeners.get(agent) ?? []) listener.close();
    this.#listeners.delete(agent);
  }
}

function isAt({ host, port }: SecretBinding, to: Destination): boolean {
  return host === to.host && port === to.port;
}
