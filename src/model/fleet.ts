import type { Budget, Price } from './budget.ts';
import type { ElevatedRule } from './elevated.ts';
import type { AgentName, FleetName, KnowledgeName } from './names.ts';
import type { RequestTerms } from './request-terms.ts';
import type { SecretBinding } from './secret-binding.ts';
import type { SecretUpkeep } from './secret-upkeep.ts';
import type { SshBinding } from './ssh-binding.ts';

/** The wanted fleet: what a fleet.yaml means, every default applied and every path absolute. It crosses from the CLI to the
 *  warden as canonical JSON; both compute the same plan from it. */
export interface WantedFleet {
  readonly format: 1;
  readonly fleet: FleetName;
  /** Absolute path of the fleet.yaml it came from. */
  readonly source: string;
  readonly operators: readonly Operator[];
  readonly agents: readonly WantedAgent[];
  /** Absent: nobody is told. */
  readonly notify?: NotifyBy;
  /** What `elevated` says is in /etc/sudoers.d as well, as far as sudo can say it. */
  readonly sudoers?: true;
  /** Files of certificates (PEM) that servers to which secrets go may be signed by, besides this machine's; absolute paths. */
  readonly roots?: readonly string[];
  /** Prices of models that come before the ones we know. */
  readonly prices?: readonly Price[];
}

/** How people are told that something waits. The command runs as `user`. */
export type NotifyBy =
  | { readonly kind: 'command'; readonly argv: readonly string[]; readonly user: string }
  | { readonly kind: 'webhook'; readonly url: string; readonly as: 'text' | 'slack' | 'json' };

/** A person who may manage the fleet besides root, by Unix user name. */
export interface Operator {
  readonly name: string;
  readonly user: string;
}

export type Tier = 'user' | 'sandbox' | 'container' | 'vm';

export interface WantedAgent {
  readonly name: AgentName;
  readonly role?: string;
  readonly tier: Tier;
  /** Absent: the agent stands idle until `run` or `shell`. */
  readonly command?: readonly string[];
  readonly workspace: Workspace;
  readonly env: Readonly<Record<string, string>>;
  readonly exec: WantedExec;
  readonly limits: Limits;
  readonly egress: readonly EgressRule[];
  /** Ports of the compartment published on the operator's 127.0.0.1 under the same number. */
  readonly ports: readonly number[];
  readonly health?: { readonly port: number; readonly path: string };
  readonly knowledge: readonly Knowledge[];
  /** Destinations that no rule grants are asked for. */
  readonly egressAsk?: true;
  /** Commands that run outside for it; absent: none. */
  readonly elevated?: readonly ElevatedRule[];
  readonly ask?: AskTimes;
  readonly secrets?: readonly SecretBinding[];
  /** One for each secret of which more is said than where it goes. */
  readonly upkeep?: readonly SecretUpkeep[];
  /** What it may use up in a day; absent: no cap, and the usual breaker. */
  readonly budget?: Budget;
  /** Where it may log in with a key that it does not hold; absent: nowhere. */
  readonly ssh?: readonly SshBinding[];
}

/** How long what asked waits itself, and how long its question is open; milliseconds. */
export interface AskTimes {
  readonly wait: number;
  readonly deadline: number;
}

/** `own` lives inside the state; `shared` is a folder of the operator's (what host tools obey in it is masked). */
export type Workspace = { readonly kind: 'own' } | { readonly kind: 'shared'; readonly path: string };

export interface WantedExec {
  readonly sets: readonly ExecSetName[];
  /** Program names, or absolute paths. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly own: 'never' | 'ask' | 'allow';
  /** Whether what is not allowed may be asked for, or does not exist. */
  readonly ask: 'never' | 'on-miss';
  /** Rules over a program and its arguments (src/policy/command/rule.ts); absent: none. */
  readonly allowArgv?: readonly ArgvRule[];
  readonly askArgv?: readonly ArgvRule[];
  readonly denyArgv?: readonly ArgvRule[];
}

/** Words, the program first; `*` in a word stands for any part of it, `**` as the last word for the rest. */
export type ArgvRule = readonly string[];

export type ExecSetName = 'base' | 'git' | 'python' | 'node';

export interface Limits {
  /** Bytes. */
  readonly memory: number;
  readonly processes: number;
  /** Per cent of one processor; 200 is two. */
  readonly cpu: number;
  /** Bytes: workspace and home together. */
  readonly disk: number;
}

/** Grants connections to one host pattern and port; with terms, only the requests that fulfil them. Several rules for one destination all
 *  have terms, and the same address. */
export interface EgressRule extends RequestTerms {
  /** Lower-case host name (A-labels), `*.example.test` (any name below it, not itself), or an IP literal. */
  readonly host: string;
  readonly port: number;
  /** Pinned: this address is dialled, the name is never resolved; private and loopback ranges are allowed only so. */
  readonly address?: string;
  /** Questions for the time by UDP, and no connections; the port is 123, the host no wildcard, and there are no terms. Absent: TCP. */
  readonly protocol?: 'ntp';
  /** What brought it, such as `preset telegram`; absent: it stands in the file itself. */
  readonly from?: string;
}

/** Read-only, live, at /knowledge/NAME. */
export interface Knowledge {
  readonly name: KnowledgeName;
  readonly path: string;
}
