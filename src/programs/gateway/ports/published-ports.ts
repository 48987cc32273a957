import type { Server, Socket } from 'node:net';
import { Failure } from '../../../model/failure.ts';
import type { AgentName } from '../../../model/names.ts';
import { publishPort } from './publish.ts';

/** Ports of the host's loopback that lead into compartments. */
export class PublishedPorts {
  readonly #dial: (agent: AgentName, port: number) => Promise<number>;
  readonly #published = new Map<number, { agent: AgentName; server: Server; open: Set<Socket> }>();

  /** @param dial  asks the warden for a connection into a compartment */
  constructor(dial: (agent: AgentName, port: number) => Promise<number>) {
    this.#dial = dial;
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

  /** All of an agent's. */
  async forget(agent: AgentName): Promise<void> {
    for (const [port, { agent: owner }] of this.#published) if (owner === agent) await this.unpublish(agent, port);
  }
}
