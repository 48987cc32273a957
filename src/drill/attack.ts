import type { Wall } from '../model/enforcement.ts';
import type { EgressRule, Limits, Tier, WantedExec, Workspace } from '../model/fleet.ts';

/** An attack is a Perl text that the launcher runs inside the compartment, as the agent, without starting any program; so it
 *  needs no interpreter there. `%A` holds flat strings (`Args`), Socket, POSIX, Fcntl and Errno are loaded, PRELUDE
 *  (prelude.ts) stands before it. It ends by calling one of
 *    done('text')     the effect happened
 *    refused('text')  it did not, and the kernel or the gateway said so
 *    failed('text')   neither can be said (a time-out): an error, never a success
 *  No method calls on file handles and no `use` inside: nothing may be loaded from disk there. */
export interface Attack {
  /** `<part><line>-<name>[-<variant>]`, the line with at least two digits: `a01-direct-tcp`, `c46-create-missing-config`. */
  readonly id: string;
  /** The line of the list of attacks (1..119) it comes from. A line may have several attacks, one per way to try it. */
  readonly line: number;
  /** Plain words, for a person: "opens a TCP connection to an address that is not allowed". */
  readonly tries: string;
  /** What is expected to hold it: "no route out of the network namespace". */
  readonly control: string;
  readonly wall: Wall;
  readonly tiers: readonly Tier[];
  /** Perl, without the prelude. */
  readonly program: string;
  readonly positive: Positive;
  /** Somebody who is there meanwhile, because without them there is nothing to find. */
  readonly beside?: Beside;
  /** Counters of the arena that must not move while the attack runs: what the script says is not enough. */
  readonly watch?: readonly WatchName[];
  /** What the ledger must have afterwards, where the control can see the attempt. Every item must be found. */
  readonly evidence?: readonly Evidence[];
  /** @returns why it makes no sense for this agent, or undefined when it does */
  readonly applies?: (agent: AgentFacts) => string | undefined;
  /** It spends its time waiting, so it is tried beside others that do: it watches no counter, leaves nothing in the record and uses nothing up. */
  readonly waits?: true;
  /** Seconds until it counts as timed out; 10 when absent. */
  readonly seconds?: number;
  /** What the line also names and this attack does not try yet, and why. */
  readonly remains?: string;
}

/** Where the *same text* must print `done`, because the wall is absent there. An attack without it proves nothing.
 *  - `host-root`, `host-user`  plain perl in the runner's own namespaces, as root or as a spare ordinary uid
 *  - `open-net`, `open-net-root`  the same with the arena's resolver and, as `bulkhead.internal`, an arena proxy without policy
 *  - `bare-net-root`  a network namespace with the local default route, without the table that catches everything
 *  - `leaky`  as host-user, with a socket left open on descriptor 3
 *  - `far-user`  as host-user, on the far side of the arena's network
 *  - `weak-box-root`  as root in own mount, pid, ipc, uts and network namespaces, without filter, noexec or dropped capabilities */
export type Positive =
  | 'host-root'
  | 'host-user'
  | 'open-net'
  | 'open-net-root'
  | 'bare-net-root'
  | 'leaky'
  | 'far-user'
  | 'weak-box-root';

/** Another text that runs at the same time. It ends by saying `refused` when it was there and met nobody, `done` when it met the attack. In a
 *  positive control `other` stands where host-user does. */
export interface Beside {
  /** In the compartment of another agent, on the host as an ordinary user, or on the far side of the arena's network. */
  readonly who: 'other' | 'host-user' | 'far-user';
  readonly program: string;
}

/** `%A`. Which names exist is the arena's business (src/host/arena.ts, `args`); a test holds programs against it. */
export type Args = Readonly<Record<string, string>>;

/** A counter of the arena. It moves when the effect happened (a connection, a datagram, a file touched, a program run). */
export type WatchName = string;

export interface Evidence {
  /** One of these events ... */
  readonly event: readonly string[];
  /** ... whose entry has the value of this argument in one of its fields. Absent: any entry of the agent will do. */
  readonly mentions?: string;
}

/** What the drill must know about an agent to choose and judge. */
export interface AgentFacts {
  readonly name: string;
  readonly tier: Tier;
  readonly exec: Pick<WantedExec, 'own' | 'sets' | 'allow' | 'ask'>;
  readonly egress: readonly EgressRule[];
  readonly workspace: Workspace;
  readonly limits: Limits;
  readonly knowledge: readonly string[];
  /** The other agents of the fleet. */
  readonly others: readonly string[];
  readonly rootless: boolean;
}

/** A line that is not attacked yet. It is reported and counted, and never counted as held. */
export interface NotApplicable {
  /** `a24-exfil-in-allowed`. */
  readonly id: string;
  readonly line: number;
  readonly why: string;
  /** The step of the design that brings what it attacks. */
  readonly step?: number;
}

/** Access is tested as strictly as denial: the text must print `done`; anything else is `cut-off` or an error. */
export interface AccessTest {
  /** `access-<name>`. */
  readonly id: string;
  readonly tries: string;
  readonly tiers: readonly Tier[];
  readonly program: string;
  /** Counters of the arena that must move. */
  readonly watch?: readonly WatchName[];
  readonly evidence?: readonly Evidence[];
  readonly applies?: (agent: AgentFacts) => string | undefined;
  readonly seconds?: number;
}

/** One family: what is attacked and what is not. */
export interface Family {
  readonly attacks: readonly Attack[];
  readonly notApplicable: readonly NotApplicable[];
}
