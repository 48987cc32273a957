import { createServer, type Server, type Socket } from 'node:net';
import type { SshKeyEntry } from '../../../model/documents.ts';
import { Failure } from '../../../model/failure.ts';
import { type SshBinding, sshText } from '../../../model/ssh-binding.ts';
import { publicLine } from '../../../policy/ssh-signing.ts';
import { fingerprint } from '../../../protocol/ssh-key.ts';
import type { Compartment } from '../compartment.ts';
import { contained } from '../contained.ts';
import type { Outside } from '../door.ts';
import { endAll } from '../end-all.ts';
import type { SshKey } from './ssh-keys.ts';
import { attendSigner, type Desk } from './ssh-signer.ts';

/** Connections of an agent to its signer at once; signatures in a burst, and how soon one more is given. */
const MOST_CLIENTS = 32;
const BURST = 60;
const REFILL_MS = 1_000;

interface Standing {
  readonly server: Server;
  readonly clients: Set<Socket>;
}

/** The signers of all agents, each on a socket of its own in one compartment. */
export class SshSigners {
  readonly #outside: Outside;
  readonly #standing = new Map<string, Standing>();

  constructor(outside: Outside) {
    this.#outside = outside;
  }

  /** Makes the keys that are not there yet, each recorded before it is used. Agents that are not among these lose theirs.
   *  @throws Failure `no-ssh-key` */
  async complete(compartments: readonly Compartment[]): Promise<void> {
    const { keys } = this.#outside;
    keys.ssh?.keepOnly(compartments.map(({ name }) => name));
    for (const { name, ssh } of compartments)
      if (ssh.length > 0) await keys.ssh?.complete(name, ssh, (key) => this.#record('ssh.made', key));
  }

  async #record(event: string, { agent, host, port, user, blob }: SshKey): Promise<void> {
    const entry = { event, agent, host, port, user, fingerprint: fingerprint(blob) };
    try {
      await this.#outside.recorder.append([entry], 'acknowledged');
    } catch (error) {
      const what = `the SSH key of ${agent} for ${host} was not made: ${(error as Error).message}`;
      throw new Failure('no-ssh-key', what, 'Run it again; if it stays so: bulkhead logs ledger', 1);
    }
  }

  /** @param fd  a listening Unix socket; ours from now on */
  async listen(compartment: Compartment, fd: number): Promise<void> {
    this.close(compartment.name);
    const clients = new Set<Socket>();
    const desk = this.#desk(compartment);
    const server = createServer((client) => {
      client.on('error', () => client.destroy()); // the agent's end broke
      if (clients.size >= MOST_CLIENTS) return void client.destroy();
      clients.add(client);
      client.once('close', () => clients.delete(client));
      attendSigner(
        desk,
        client,
        contained(compartment, undefined, () => client.destroy()),
      );
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ fd }, () => resolve());
    });
    this.#standing.set(compartment.name, { server, clients });
  }

  close(agent: string): void {
    const standing = this.#standing.get(agent);
    this.#standing.delete(agent);
    standing?.server.close();
    for (const client of standing?.clients ?? []) client.destroy();
  }

  /** What is to be registered, of one agent. */
  list({ name, ssh }: Compartment): SshKeyEntry[] {
    const store = this.#outside.keys.ssh;
    return ssh.map(({ host, port, user }): SshKeyEntry => {
      const where = { agent: name, host, port, user };
      const key = store?.get(name, { host, port, user });
      if (key === undefined)
        return { ...where, state: store?.isDamaged(name, { host, port, user }) ? 'damaged' : 'missing' };
      const { blob, since } = key;
      return {
        ...{ ...where, state: 'ready', since: since.toISOString() },
        ...{ fingerprint: fingerprint(blob), public: publicLine(blob, '').trim() },
      };
    });
  }

  /** Another key for a destination. @returns how many connections to there were ended
   *  @throws Failure `no-such-key` */
  async renew({ name, ssh, passages }: Compartment, at: Pick<SshBinding, 'host' | 'port' | 'user'>): Promise<number> {
    const { keys } = this.#outside;
    const binding = ssh.find((one) => sshText(one) === sshText(at));
    if (binding === undefined || keys.ssh === undefined)
      throw new Failure('no-such-key', `${name} has no SSH key for ${sshText(at)}`, 'bulkhead secrets ssh', 1);
    await keys.ssh.renew(name, binding, (key) => this.#record('ssh.renewed', key));
    const ending = [...passages].filter(({ destination: { host, port } }) => host === at.host && port === at.port);
    return endAll(ending, 'its SSH key was renewed');
  }

  #desk(compartment: Compartment): Desk {
    const { recorder, keys, finding } = this.#outside;
    let due = 0;
    return {
      ...{ agent: compartment.name, recorder, heard: compartment.heard },
      keys: () =>
        compartment.ssh.flatMap((binding) => {
          const key = keys.ssh?.get(compartment.name, binding);
          return key === undefined ? [] : [{ binding, blob: key.blob, key }];
        }),
      mayNow: () => {
        const now = performance.now();
        if (due - now > (BURST - 1) * REFILL_MS) return false;
        due = Math.max(due, now) + REFILL_MS;
        return true;
      },
      refuse: (why, more) => compartment.refuseSigning(why, more, finding),
    };
  }
}
