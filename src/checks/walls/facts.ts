import type { Enforcement } from '../../model/enforcement.ts';
import type { Limits } from '../../model/fleet.ts';

/** What one round of probes found of one compartment: what a probe inside saw as the agent, and what the kernel says outside. */
export interface ProbeFacts {
  /** Lines `fact NAME VALUE` of src/host/probe.pl; a name that comes more than once keeps all its values. */
  readonly inside: ReadonlyMap<string, readonly string[]>;
  readonly outside: OutsideFacts;
}

export interface OutsideFacts {
  /** Namespaces of the host, as readlink(2) of /proc/self/ns/KIND gives them. */
  readonly hostNamespaces: Readonly<Record<string, string>>;
  /** The agent's namespaces: its first process's. */
  readonly agentNamespaces: Readonly<Record<string, string>>;
  /** Every process of the machine that is in the compartment's process namespace, by /proc/PID/status: whatever brought it there. */
  readonly processes: readonly Confinement[];
  /** What limits leave out, in words; empty when all stand. */
  readonly limitsMissing: readonly string[];
  readonly ledger: { readonly answers: boolean; readonly why?: string; readonly uid?: number };
  readonly gateway: boolean;
  /** Whether the packet filter of its network namespace, as the kernel lists it, is the one that we load. */
  readonly packetFilter: boolean;
  /** Of an agent in the host's network: what did not hold it there, in words. */
  readonly hostNetwork?: readonly string[];
  /** Groups of the host, besides its own, that the agent's user is in. */
  readonly hostGroups: readonly string[];
  /** Masked names of a shared workspace: whether each is still covered. */
  readonly masksGone: readonly string[];
}

export interface Confinement {
  readonly pid: number;
  readonly name: string;
  readonly uid: number;
  readonly capabilities: string;
  readonly bounding: string;
  readonly noNewPrivs: boolean;
  /** 2 is a filter. */
  readonly seccomp: number;
  readonly filters: number;
}

/** What is right for this compartment; walls are judged against it. */
export interface Expected {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly limits: Limits;
  readonly ownPrograms: boolean;
  readonly sharedWorkspace: boolean;
  /** Agent, programs and operator are one user of the host. */
  readonly rootless?: boolean;
  /** Set in tier `user`: it is on the host's own file system, and in the host's process, network and user namespaces. */
  readonly onHost?: {
    /** Where the gateway listens for it, IPv4; also the source of all that it sends. */
    readonly address: string;
    /** Places of the host that it can read. */
    readonly system: readonly string[];
    /** Programs that are covered, by path. */
    readonly denied: readonly string[];
    /** Set where what is not allowed cannot be started: a program that must not, for the probe to try. */
    readonly unlisted?: string;
  };
  /** Names that may stand in the program folders. */
  readonly programs: readonly string[];
  readonly homes: readonly string[];
  readonly closed: readonly string[];
  /** What it was granted to read. */
  readonly readable: readonly string[];
  readonly open: readonly string[];
}

export type Judge = (facts: ProbeFacts, expected: Expected) => Enforcement;

/** The value of a fact, or undefined when the probe said nothing of it. */
export function one(facts: ProbeFacts, name: string): string | undefined {
  return facts.inside.get(name)?.[0];
}

/** Whether what was tried was refused because it may not be (EPERM 1, EACCES 13, EROFS 30). Any other reason (no descriptor left,
 *  a file that vanished) can be the agent's doing and proves nothing: it shares its uid with the probe, so it can starve it. */
export function held(facts: ProbeFacts, name: string): boolean {
  return /^refused (1|13|30)$/.test(one(facts, name) ?? '');
}

/** Full when nothing is missing. */
export function fullUnless(missing: readonly (string | false | undefined)[]): Enforcement {
  const found = missing.filter((text) => typeof text === 'string');
  return found.length === 0 ? { level: 'full' } : { level: 'partial', missing: found };
}

export function none(why: string): Enforcement {
  return { level: 'none', why };
}
