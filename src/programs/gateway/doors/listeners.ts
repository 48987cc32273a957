import { createServer, type Server, type Socket } from 'node:net';
import type { AgentName } from '../../../model/names.ts';
import type { Compartment } from '../compartment.ts';
import { contained } from '../contained.ts';
import type { Outside } from '../door.ts';
import { LIMITS } from '../limits.ts';
import { type Datagrams, serveDatagrams } from '../names/datagrams.ts';
import { answerDns } from '../names/dns-answers.ts';
import { answerTime } from '../time/time-answers.ts';
import { attend } from './transparent.ts';

interface Closable {
  close(): unknown;
}

/** What is listened on inside compartments, and who is connected there. */
export class Listeners {
  readonly #outside: Outside;
  readonly #listeners = new Map<AgentName, Closable[]>();
  readonly #clients = new Map<AgentName, Set<Socket>>();

  constructor(outside: Outside) {
    this.#outside = outside;
  }

  has(agent: AgentName): boolean {
    return this.#listeners.has(agent);
  }

  /** @param fds  tcp4, tcp6, dns4, dns6, and perhaps ntp4, ntp6; owned by the gateway from now on */
  async listen(compartment: Compartment, fds: readonly number[]): Promise<void> {
    this.close(compartment.name);
    const opened: Closable[] = [];
    this.#listeners.set(compartment.name, opened);
    // It may be closed, or listen anew, before all of them listen.
    const keep = (one: Closable): unknown =>
      this.#listeners.get(compartment.name) === opened ? opened.push(one) : one.close();
    for (const fd of fds.slice(0, 2)) keep(await this.#serveTcp(compartment, fd));
    const services = [namesFor(compartment), timeFor(this.#outside, compartment)];
    for (const [i, fd] of fds.slice(2).entries()) {
      const service = services[i >> 1];
      if (service) keep(await serveDatagrams(compartment, fd, i % 2 === 0 ? 4 : 6, service));
    }
  }

  /** Nobody new; who is connected stays. */
  close(agent: AgentName): void {
    for (const listener of this.#listeners.get(agent) ?? []) listener.close();
    this.#listeners.delete(agent);
  }

  disconnect(agent: AgentName): void {
    for (const client of this.#clients.get(agent) ?? []) client.destroy();
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
      contained(compartment, undefined, () => client.destroy())(attend)(this.#outside, compartment, client);
    });
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ fd }, () => resolve(server));
    });
  }
}

function namesFor(compartment: Compartment): Datagrams {
  return {
    most: LIMITS.questions,
    beyond: { event: 'dns.refused', why: 'too many questions at once' },
    answer: (message) => answerDns(compartment, message, Date.now()),
  };
}

function timeFor(outside: Outside, compartment: Compartment): Datagrams {
  return {
    most: LIMITS.timeRequests,
    beyond: { event: 'egress.denied', via: 'ntp', why: 'too many requests for the time at once' },
    answer: (message, from) => answerTime(outside, compartment, from.address, message),
  };
}
