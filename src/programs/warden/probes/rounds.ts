import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { judgeHealth } from '../../../checks/health.ts';
import type { Expected, OutsideFacts } from '../../../checks/walls/facts.ts';
import { judgeWalls, readFacts } from '../../../checks/walls/judge.ts';
import { limitEnforcement } from '../../../host/cgroup/cgroup-limits.ts';
import { confinementBeside, confinementIn, groupsOf, namespacesOf } from '../../../host/cgroup/confinement.ts';
import { withAbstractSocket } from '../../../host/net/abstract-socket.ts';
import { rulesWanted } from '../../../host/net/netns-listing.ts';
import { missingWithoutCgroup } from '../../../host/processes/rlimits.ts';
import type { Health, MeasuredWall } from '../../../model/documents.ts';
import { type Enforcement, WALLS } from '../../../model/enforcement.ts';
import { unixUserName } from '../../../model/unix-names.ts';
import { cgroupPath } from '../../../plan/fleet.ts';
import type { Compartment } from '../compartments/compartment.ts';
import { rulesIn } from '../compartments/net-space.ts';
import type { StandingFleet } from '../fleet.ts';
import type { Logs } from '../logs/logs.ts';
import type { Record as Ledger } from '../record.ts';
import { runScript, type ScriptResult } from '../sessions/scripts.ts';
import { expectedOf, probeArguments } from './expected.ts';
import type { Mending } from './mending.ts';

const PROBE = readFileSync(new URL('../../../host/probe.pl', import.meta.url), 'utf8');
const EVERY_MS = 60_000;
const PROBE_MS = 15_000;
/** From the start of a compartment until its service is expected to answer, and between two looks at it before. */
const SETTLED_MS = 20_000;
const AGAIN_MS = 250;
/** How many compartments are probed at once: probing must not take the machine from the agents. */
const AT_ONCE = 2;

/** Who else must answer for a wall to stand. */
export interface Colleagues {
  readonly gatewayRuns: () => boolean;
  readonly ledgerUid: () => number | undefined;
  /** What did not hold an agent in the host's network, in words; it does again. */
  readonly hostNetwork: (uid: number) => Promise<readonly string[]>;
}

interface Measured {
  /** Of the compartment that was measured. */
  readonly firstPid: number;
  readonly walls: readonly MeasuredWall[];
  readonly health?: Health;
}

/** Rounds of probes over all compartments, every minute and whenever somebody asks. What is shown as measured comes from here. */
export class Rounds {
  readonly #fleet: StandingFleet;
  readonly #record: Ledger;
  readonly #logs: Logs;
  readonly #mending: Mending;
  readonly #colleagues: Colleagues;
  readonly #rules: string = rulesWanted();
  /** With the first process of the compartment that was measured: what stood before it was put up anew is no measurement of it. */
  readonly #measured = new Map<string, Measured>();

  constructor(fleet: StandingFleet, record: Ledger, logs: Logs, mending: Mending, colleagues: Colleagues) {
    this.#fleet = fleet;
    this.#record = record;
    this.#logs = logs;
    this.#mending = mending;
    this.#colleagues = colleagues;
  }

  /** Starts the rounds; nothing waits for them. One that takes longer than a minute has no other beside it. */
  begin(): void {
    let busy = false;
    setInterval(() => {
      if (busy) return;
      busy = true;
      this.now()
        .catch((error: Error) => this.#logs.ofProgram('warden').note(`a round of probes failed: ${error.stack}`))
        .finally(() => {
          busy = false;
        });
    }, EVERY_MS);
  }

  wallsOf(agent: string): readonly MeasuredWall[] {
    const compartment = this.#fleet.compartments.get(agent);
    const known = this.#measured.get(agent);
    if (known && compartment?.standing && compartment.firstPid === known.firstPid) return known.walls;
    const why = compartment ? `nothing runs in it (${compartment.state})` : 'it is not up';
    return WALLS.map((wall) => ({ wall, level: 'unknown', why: compartment?.standing ? 'not measured yet' : why }));
  }

  /** Undefined where no `health:` is asked for, or nobody has asked yet. */
  healthOf(agent: string): Health | undefined {
    const compartment = this.#fleet.compartments.get(agent);
    const known = this.#measured.get(agent);
    return known && compartment?.firstPid === known.firstPid ? known.health : undefined;
  }

  /** A service that has just been started takes a moment to listen: those that do not answer yet are asked anew until they do, or for so long.
   *  @param left  whoever waits for it has gone */
  async settled(left: () => boolean): Promise<void> {
    const young = ([name, { since }]: [string, Compartment]): boolean =>
      this.healthOf(name)?.ok === false && Date.now() - since.getTime() < SETTLED_MS;
    for (const late = Date.now() + SETTLED_MS; Date.now() < late && !left(); await sleep(AGAIN_MS)) {
      const ill = [...this.#fleet.compartments].filter(young).map(([name]) => name);
      if (ill.length === 0) return;
      await this.now(ill);
    }
  }

  /** @param agents  all when absent */
  async now(agents?: readonly string[]): Promise<void> {
    const waiting = [...this.#fleet.compartments].filter(
      ([name, { standing, state }]) => standing && state !== 'paused' && (agents?.includes(name) ?? true),
    );
    const ledger = await this.#ledger();
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await this.#measure(next[1], ledger);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  async #measure(compartment: Compartment, ledger: OutsideFacts['ledger']): Promise<void> {
    const { name } = compartment.facts.agent;
    const firstPid = compartment.firstPid;
    if (firstPid === undefined) return;
    const fleet = this.#fleet.wanted;
    if (!fleet) throw new Error('there is no fleet');
    const expected = expectedOf(compartment.facts, fleet, this.#fleet.host.places.state);
    let walls: ReadonlyMap<string, Enforcement>;
    let answer: string | undefined;
    try {
      const masksGone = this.#mending.mend(compartment);
      const network = await this.#network(compartment);
      const outside = { ...this.#outside(compartment, firstPid, ledger, masksGone), ...network };
      const result = await this.#probe(compartment, expected, firstPid);
      if (compartment.firstPid !== firstPid) return; // another compartment by now
      const facts = { inside: readFacts(result.stdout), outside };
      answer = facts.inside.get('health')?.[0];
      walls = new Map(Object.entries(judgeWalls(facts, expected, howItEnded(result))));
    } catch (error) {
      const why = `the probe failed: ${(error as Error).message}`;
      walls = new Map(WALLS.map((wall) => [wall, { level: 'unknown', why }]));
    }
    const probedAt = new Date().toISOString();
    const last = this.#measured.get(name);
    const before = last?.walls;
    const health = compartment.facts.agent.health && judgeHealth(answer, probedAt);
    const now = WALLS.map(
      (wall): MeasuredWall => ({ wall, ...(walls.get(wall) ?? { level: 'unknown', why: 'not judged' }), probedAt }),
    );
    this.#measured.set(name, { firstPid, walls: now, ...(health && { health }) });
    if (health && (health.ok !== last?.health?.ok || health.why !== last?.health?.why))
      this.#record.tell({
        event: 'health.changed',
        agent: name,
        ok: health.ok,
        ...(health.why && { why: health.why }),
      });
    for (const wall of now)
      this.#tellChange(
        name,
        before?.find((old) => old.wall === wall.wall),
        wall,
      );
  }

  #probe(compartment: Compartment, expected: Expected, firstPid: number): Promise<ScriptResult> {
    const { health } = compartment.facts.agent;
    const run = (more: Record<string, string>): Promise<ScriptResult> =>
      runScript(compartment, { text: PROBE, arguments: more, timeoutMs: PROBE_MS }, []);
    if (!expected.onHost) return run(probeArguments(expected, health));
    return withAbstractSocket((abstract) => run(probeArguments(expected, health, { anchor: firstPid, abstract })));
  }

  #tellChange(agent: string, before: MeasuredWall | undefined, now: MeasuredWall): void {
    const words = (wall: MeasuredWall | undefined): string =>
      wall ? [wall.level, ...(wall.missing ?? []), wall.why ?? ''].join('; ') : 'not measured';
    if (before && words(before) === words(now)) return;
    const { wall, level, missing, why } = now;
    this.#record.tell({
      event: 'wall.changed',
      agent,
      wall,
      level,
      was: before?.level ?? 'unknown',
      ...(missing && { missing }),
      ...(why && { why }),
    });
  }

  async #network({ network }: Compartment): Promise<Pick<OutsideFacts, 'packetFilter' | 'hostNetwork'>> {
    if (network === undefined) return { packetFilter: false };
    if (!('hostUid' in network)) return { packetFilter: (await rulesIn(network)) === this.#rules };
    const hostNetwork = await this.#colleagues.hostNetwork(network.hostUid);
    return { packetFilter: hostNetwork.length === 0, hostNetwork };
  }

  #outside(
    compartment: Compartment,
    firstPid: number,
    ledger: OutsideFacts['ledger'],
    masksGone: readonly string[],
  ): Omit<OutsideFacts, 'packetFilter' | 'hostNetwork'> {
    const { agent } = compartment.facts;
    const fleet = this.#fleet.wanted?.fleet;
    if (!fleet) throw new Error('there is no fleet');
    const { cgroups, user } = this.#fleet.host;
    const limitsMissing = user
      ? missingWithoutCgroup(firstPid, agent.limits)
      : missingLimits(limitEnforcement(cgroups, cgroupPath(fleet, agent.name), agent.limits));
    const agentNamespaces = namespacesOf(firstPid);
    return {
      hostNamespaces: namespacesOf('self'),
      agentNamespaces,
      processes:
        compartment.facts.network.in === 'host'
          ? confinementBeside(compartment.facts.uid, agentNamespaces.mnt ?? '', new Set(compartment.processes()))
          : confinementIn(agentNamespaces.pid ?? ''),
      limitsMissing,
      ledger,
      gateway: this.#colleagues.gatewayRuns(),
      hostGroups: groupsOf(unixUserName(fleet, agent.name)),
      masksGone,
    };
  }

  /** Whether the ledger accepts, by asking it to. */
  async #ledger(): Promise<OutsideFacts['ledger']> {
    const uid = this.#colleagues.ledgerUid();
    try {
      await this.#record.health();
      return { answers: true, ...(uid === undefined ? {} : { uid }) };
    } catch (error) {
      return { answers: false, why: (error as Error).message };
    }
  }
}

function missingLimits(stand: Enforcement): readonly string[] {
  switch (stand.level) {
    case 'full':
      return [];
    case 'partial':
      return stand.missing.map((what) => `${what} is not limited as wanted`);
    default:
      return [stand.why];
  }
}

/** Why a probe may not have come to its end, in words. */
function howItEnded({ timedOut, status, stderr }: ScriptResult): string {
  if (timedOut) return `not within ${PROBE_MS / 1000} s`;
  return stderr.trim().split('\n').at(-1)?.slice(0, 200) || `status ${status}`;
}
