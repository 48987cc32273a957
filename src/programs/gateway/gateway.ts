import type { Price } from '../../model/budget.ts';
import type { SshKeyEntry } from '../../model/documents.ts';
import type { AgentName } from '../../model/names.ts';
import type { PlaceholderFile } from '../../model/placeholder-text.ts';
import type { SshBinding } from '../../model/ssh-binding.ts';
import type { Allowance } from '../../policy/meter/caps.ts';
import { Prices } from '../../policy/meter/prices.ts';
import { type AgentPolicy, obey } from './agent-policy.ts';
import type { Grant } from './asking.ts';
import { Compartment } from './compartment.ts';
import type { Outside } from './door.ts';
import { Listeners } from './doors/listeners.ts';
import { endAll } from './end-all.ts';
import { LIMITS } from './limits.ts';
import { PublishedPorts } from './ports/published-ports.ts';
import type { Denial } from './refusals/denials.ts';
import { SecretsInUse } from './secrets/secrets-in-use.ts';
import type { SignIns } from './secrets/sign-ins.ts';
import type { Vault } from './secrets/vault.ts';
import { SshSigners } from './ssh/ssh-signers.ts';
import { admit } from './usage/budgets.ts';
import { type UsageEntry, usageOf } from './usage/usage.ts';

export interface AgentStatus {
  readonly name: AgentName;
  readonly listening: boolean;
  readonly open: number;
  readonly allowed: number;
  readonly denied: number;
}

/** Where secrets are. */
export interface Store {
  readonly vault: Vault;
  readonly signIns: SignIns;
}

/** The gateway's state: compartments, their listeners, published ports. Every method is one request of the warden. */
export class Gateway {
  readonly vault: Vault;
  readonly signIns: SignIns;
  readonly ssh: SshSigners;
  readonly ports: PublishedPorts;
  readonly secrets: SecretsInUse;
  readonly #outside: Outside;
  readonly #dir: string;
  readonly #compartments = new Map<AgentName, Compartment>();
  readonly #listeners: Listeners;

  /** @param dir  where the names of synthetic addresses are kept
   *  @param dial  asks the warden for a connection into a compartment */
  constructor(
    outside: Outside,
    dir: string,
    dial: (agent: AgentName, port: number) => Promise<number>,
    { vault, signIns }: Store,
  ) {
    this.vault = vault;
    this.signIns = signIns;
    setInterval(() => this.#measure(), LIMITS.measureMs).unref();
    this.ssh = new SshSigners(outside);
    this.#outside = outside;
    this.#dir = dir;
    this.ports = new PublishedPorts(dial);
    this.secrets = new SecretsInUse(this.#compartments, outside);
    this.#listeners = new Listeners(outside);
  }

  /** Replaces the whole table at once; an agent that is not in it may nothing. Resolves when all that is not allowed any more, or
   *  on other terms, is closed. */
  async policy(agents: readonly AgentPolicy[], roots: readonly string[], prices: readonly Price[] = []): Promise<void> {
    const trusted = this.#outside.keys.roots.more;
    this.#outside.keys.roots.more = roots;
    const changed = { rooted: trusted !== this.#outside.keys.roots.more, prices: new Prices(prices) };
    const policies = new Map(agents.map((agent) => [agent.name, agent]));
    for (const { name } of agents) this.#compartment(name);
    const ending = [...this.#compartments.values()].flatMap((one) => obey(one, policies.get(one.name), changed));
    await endAll(ending, 'policy changed');
    await this.ssh.complete(agents.map(({ name }) => this.#compartment(name)));
  }

  /** @param fd  a listening Unix socket in the agent's compartment; the gateway's from now on */
  sign(agent: AgentName, fd: number): Promise<void> {
    return this.ssh.listen(this.#compartment(agent), fd);
  }

  /** What is to be registered where, of all agents. */
  sshKeys(): { keys: readonly SshKeyEntry[] } {
    return { keys: [...this.#compartments.values()].flatMap((one) => this.ssh.list(one)) };
  }

  /** Another SSH key in place of one. @returns how many connections to where it is for were ended */
  renewSshKey(agent: AgentName, at: Pick<SshBinding, 'host' | 'port' | 'user'>): Promise<number> {
    return this.ssh.renew(this.#compartment(agent), at);
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
    return { ended: await endAll(under, `approval ${grant.id} was revoked`) };
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

  /** What people have given beyond the caps, all of it. Whoever is held for one goes on. */
  allow(all: readonly (Allowance & { readonly agent: string })[]): void {
    for (const { meter, name, answers } of this.#compartments.values()) {
      meter.allow(all.filter(({ agent }) => agent === name));
      for (const { id } of meter.allowances) answers.give(id, undefined);
    }
  }

  /** Counts a run. @returns why it may not be */
  async run(agent: AgentName): Promise<{ stopped?: string }> {
    const compartment = this.#compartment(agent);
    const stopped = await admit(compartment, { ...this.#outside, hold: false }, () => compartment.meter.run());
    return stopped ? { stopped: stopped.why } : {};
  }

  /** @param days  so many of the last that something was used on, today among them */
  usage(agent: AgentName | undefined, days: number): { usage: readonly UsageEntry[] } {
    const all = [...this.#compartments.values()].filter((one) =>
      agent === undefined ? this.#stands(one) : one.name === agent,
    );
    return { usage: all.flatMap((one) => usageOf(one.name, one.meter, days)) };
  }

  /** Bytes are counted while they pass: a cap on them is one on a single long connection too. */
  #measure(): void {
    for (const compartment of this.#compartments.values()) {
      const { passages, meter } = compartment;
      const over = [...passages].filter((passage) => {
        const why = passage.measure();
        if (why !== undefined) passage.end(why);
        return why !== undefined;
      });
      meter.save();
      if (over.length > 0) void admit(compartment, { ...this.#outside, hold: false }, () => meter.bytes(0, 0));
    }
  }

  unbar(agent: AgentName): void {
    this.#compartment(agent).barred = undefined;
  }

  /** @param fds  tcp4, tcp6, dns4, dns6, and perhaps ntp4, ntp6; owned by the gateway from now on */
  listen(agent: AgentName, fds: readonly number[]): Promise<void> {
    return this.#listeners.listen(this.#compartment(agent), fds);
  }

  /** @param names  the compartment is gone: its addresses may stand for other names in the next */
  async forget(agent: AgentName, names: boolean): Promise<void> {
    this.#listeners.close(agent);
    this.ssh.close(agent);
    await this.ports.forget(agent);
    const compartment = this.#compartments.get(agent);
    const passages = [...(compartment?.passages ?? [])];
    compartment?.kept.clear();
    compartment?.time.retain(() => false, 'the compartment was closed');
    for (const passage of passages) passage.end('the compartment was closed');
    this.#listeners.disconnect(agent);
    await Promise.all(passages.map((passage) => passage.closed()));
    await compartment?.settle();
    compartment?.meter.save();
    if (names) compartment?.names.forget();
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
}
