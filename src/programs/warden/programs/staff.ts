import { writeTrusted } from '../../../host/files/trusted.ts';
import type { ProgramStatus } from '../../../model/documents.ts';
import { Failure } from '../../../model/failure.ts';
import type { Places } from '../../../plan/places.ts';
import { openDoor } from '../compartments/door.ts';
import type { NetSpace } from '../compartments/net-space.ts';
import type { StandingFleet } from '../fleet.ts';
import type { Logs } from '../logs/logs.ts';
import type { Record } from '../record.ts';
import { handOver } from '../secrets/secrets.ts';
import type { Asked, GatewayLink } from './gateway-link.ts';
import { gatewayProgram, type Ids, ledgerProgram } from './own-programs.ts';
import type { Program } from './program.ts';
import { watch } from './watchdog.ts';

/** How long a request waits for ledger and gateway before it is refused. */
const STAFFED_MS = 15_000;

/** Ledger and gateway, kept running: the ledger first, for without it the gateway may let nothing pass. */
export class Staff {
  readonly #ledger: Program;
  readonly #gateway: Program;
  readonly #places: Places;
  readonly #logs: Logs;
  readonly #record: Record;
  readonly #fleet: () => StandingFleet;
  readonly #complete = Promise.withResolvers<void>();
  #link: GatewayLink | undefined;
  /** What else a new gateway is told, after its policy. */
  onGateway: (link: GatewayLink) => Promise<void> = async () => {};

  constructor(places: Places, ids: Ids, logs: Logs, record: Record, fleet: () => StandingFleet, asked: Asked) {
    this.#places = places;
    this.#logs = logs;
    this.#record = record;
    this.#fleet = fleet;
    this.#ledger = ledgerProgram(places, ids, logs);
    this.#gateway = gatewayProgram(
      places,
      ids,
      logs,
      (agent) => this.#netnsOf(agent),
      asked,
      (link) => {
        this.#link = link;
      },
    );
    this.#ledger.onReady = () => void this.#ledgerStands();
    this.#ledger.onEnd = (how) =>
      this.#note(`the ledger ended (${how}): nothing new is started or connected until it is back`);
    this.#gateway.onReady = () => void this.#gatewayStands();
    this.#gateway.onEnd = (how) => record.tell({ event: 'program.ended', program: 'gateway', how });
  }

  /** The gateway, while it runs. */
  get gateway(): GatewayLink | undefined {
    return this.#gateway.state === 'running' ? this.#link : undefined;
  }

  get ledgerPid(): number | undefined {
    return this.#ledger.pid;
  }

  get programs(): ProgramStatus[] {
    return [this.#gateway, this.#ledger].map(({ name, state, pid, restarts }) => ({
      ...{ name, state, restarts },
      ...(pid === undefined ? {} : { pid }),
    }));
  }

  start(): void {
    this.#ledger.start();
    void watch(
      () => (this.#gateway.pid === undefined ? undefined : this.#link),
      (link) => link.ready(),
      (silentMs) => this.#gatewayHangs(silentMs),
    );
  }

  /** Resolves when both serve for the first time. */
  complete(): Promise<void> {
    return this.#complete.promise;
  }

  /** @throws Failure when they do not come up in time */
  completeSoon(): Promise<void> {
    const why = new Failure(
      'not-staffed',
      'The ledger or the gateway does not come up, so nothing is started.',
      'The reason is in: bulkhead logs ledger, bulkhead logs gateway',
      3,
    );
    const late = new Promise<void>((_, reject) => setTimeout(() => reject(why), STAFFED_MS).unref());
    return Promise.race([this.#complete.promise, late]);
  }

  /** Ends both for good, the ledger last. */
  async end(): Promise<void> {
    await this.#gateway.end();
    await this.#record
      .write({ event: 'program.ended', program: 'warden', how: 'asked to' })
      .catch((error: Error) => this.#note(`the end could not be recorded: ${error.message}`));
    await this.#ledger.end();
  }

  async #ledgerStands(): Promise<void> {
    const { restarts } = this.#ledger;
    try {
      await this.#record.connect(this.#fleet().operatorUids());
      await this.#record.persist({ event: 'program.started', program: 'ledger', restarts });
      if (this.#ledger.restarts !== restarts) return; // another has taken its place, and is seen to by itself
      if (this.#gateway.state === 'down' && this.#gateway.restarts === 0) this.#gateway.start();
    } catch (error) {
      this.#note(`the ledger does not answer: ${(error as Error).message}`);
    }
  }

  /** A gateway that started anew knows nothing: it gets the policy, the sockets and the ports again. */
  async #gatewayStands(): Promise<void> {
    const link = this.#link;
    const fleet = this.#fleet();
    this.#record.tell({ event: 'program.started', program: 'gateway', restarts: this.#gateway.restarts });
    try {
      if (link && fleet.wanted) await link.policy(fleet.wanted, fleet.leases, fleet.granted());
      if (link) await this.onGateway(link);
    } catch (error) {
      this.#note(`the gateway has no policy, so it refuses everything: ${(error as Error).message}`);
    }
    try {
      if (link) {
        const { certificate } = (await link.secrets('authority')) as { certificate: string };
        writeTrusted(this.#places, certificate);
        await handOver(this.#places, link, this.#record, (text) => this.#note(text));
      }
    } catch (error) {
      this.#note(`secrets that wait were not taken: ${(error as Error).message}`);
    }
    for (const name of fleet.compartments.keys()) {
      try {
        if (link) await this.#reconnect(link, fleet, name);
      } catch (error) {
        this.#note(`${name} is without network: ${(error as Error).message}`);
      }
    }
    this.#complete.resolve();
  }

  /** Its agents have no network as it is, and nobody may be awake. */
  async #gatewayHangs(silentMs: number): Promise<void> {
    const why = `it has not answered for ${silentMs / 1000} s`;
    await this.#record.write({ event: 'program.killed', program: 'gateway', why });
    this.#note(`the gateway is ended and started again: ${why}`);
    this.#gateway.kill();
  }

  async #reconnect(link: GatewayLink, fleet: StandingFleet, name: string): Promise<void> {
    const path = this.#netnsOf(name);
    if (path === undefined) return;
    await openDoor(link, fleet, name, path, (text) => this.#note(text));
  }

  #netnsOf(agent: string): NetSpace | undefined {
    return this.#fleet().compartments.get(agent)?.network;
  }

  #note(text: string): void {
    this.#logs.ofProgram('warden').note(text);
  }
}
