import type { Enforcement, Wall } from './enforcement.ts';
import type { QuestionKind, QuestionState, Scope } from './question.ts';
import type { SecretTried } from './secret-upkeep.ts';

/** The documents that `--json` prints and that the warden answers with. Others rely on the fields named here; more are welcome. */

/** One wall as a probe found it. Without `probedAt` nobody has measured it, whatever `level` says. */
export interface MeasuredWall {
  readonly wall: Wall;
  readonly level: Enforcement['level'];
  /** With `partial`: what does not stand. */
  readonly missing?: readonly string[];
  /** With `none` and `unknown`. */
  readonly why?: string;
  /** ISO 8601, UTC: when the probe that says so ended. */
  readonly probedAt?: string;
}

export interface AgentStatus {
  readonly name: string;
  /** running, paused, idle, stopped, failed, starting ... */
  readonly state: string;
  readonly tier: string;
  /** ISO 8601, UTC: in this state since. */
  readonly since?: string;
  readonly pid?: number;
  readonly restarts?: number;
  /** One line, when the state needs a word of explanation. */
  readonly why?: string;
  readonly walls: readonly MeasuredWall[];
  /** Commands that may run outside for it, and how many do now; absent: none may. */
  readonly outside?: { readonly may: readonly string[]; readonly running: number };
  /** Only where `health:` is asked for. */
  readonly health?: Health;
  /** Secrets that it is to use and that nobody has set: its requests with them are refused. */
  readonly missing?: readonly MissingSecret[];
  /** Keys with which it logs in elsewhere, and which it does not hold. */
  readonly ssh?: readonly SshKeyEntry[];
  /** Caps of today that are reached or nearly, and loops that are refused. */
  readonly budget?: readonly BudgetNote[];
}

/** One line of status. `over`: something is refused because of it. */
export interface BudgetNote {
  readonly over: boolean;
  readonly text: string;
}

export interface MissingSecret {
  readonly variable: string;
  readonly secret: string;
}

/** Whether an agent's own service answered, when it was last asked (ISO 8601, UTC). */
export interface Health {
  readonly ok: boolean;
  readonly why?: string;
  readonly probedAt: string;
}

export interface ProgramStatus {
  readonly name: string;
  readonly state: string;
  readonly pid?: number;
  readonly restarts?: number;
}

export interface StatusDocument {
  readonly fleet: string;
  readonly agents: readonly AgentStatus[];
  readonly programs: readonly ProgramStatus[];
  /** Questions that wait for a person. */
  readonly waiting?: readonly ApprovalEntry[];
  /** What is to be said of secrets: shared, too old, a person's own. */
  readonly findings?: readonly SecretFinding[];
  /** What cannot be used although its program runs. */
  readonly broken?: readonly Broken[];
}

export interface SecretFinding {
  readonly id:
    | 'secret-shared'
    | 'secret-own'
    | 'secret-broad'
    | 'secret-due'
    | 'secret-overdue'
    | 'secret-old-valid'
    | 'secret-signed-out';
  readonly secret: string;
  /** What is so, and what to do. */
  readonly text: string;
}

export interface Broken {
  /** With what follows from it, in words. */
  readonly what: string;
  /** The command that mends it. */
  readonly mend: string;
}

/** One question, as `bulkhead approvals --json` and the warden give it. */
export interface ApprovalEntry {
  readonly id: number;
  readonly kind: QuestionKind;
  readonly agent: string;
  readonly shown: string;
  readonly digest: string;
  readonly state: QuestionState;
  readonly askedAt: string;
  /** Until then it can be answered; ISO 8601, UTC. */
  readonly expiresAt: string;
  readonly attempts: number;
}

export interface ApprovalsDocument {
  readonly approvals: readonly ApprovalEntry[];
}

/** An answer in force: an approval, or a refusal that was not only for once. */
export interface GrantEntry {
  readonly id: number;
  readonly kind: QuestionKind;
  readonly agent: string;
  readonly shown: string;
  readonly digest: string;
  readonly answer: 'approved' | 'refused';
  readonly scope: Scope['kind'];
  /** Absent: always. */
  readonly until?: string;
  readonly uses: number;
  /** Uid of the operator. */
  readonly by: number;
  readonly at: string;
}

export interface GrantsDocument {
  readonly grants: readonly GrantEntry[];
}

/** What `revoke` did. `ended`: what ran under it. `tested`: tried from inside, as the agent; absent where there is nothing to try. */
export interface RevokedDocument {
  readonly id: number;
  readonly agent: string;
  readonly kind: QuestionKind;
  readonly shown: string;
  readonly ended: number;
  readonly tested?: 'refused' | 'reached' | 'unknown';
  readonly why?: string;
}

/** What `agent.pause`, `resume`, `stop` and `restart` answer: the state after it, as measured. */
export interface ActedDocument {
  readonly agent: string;
  readonly state: string;
  /** Milliseconds from the request until the state was seen. */
  readonly tookMs?: number;
  /** What was read to know it, for example `cgroup.events: frozen 1`. Absent: nobody looked. */
  readonly measured?: string;
}

/** `cannot` holds every claim that a wall carries, with whether the wall was measured full. */
export interface MapDocument {
  readonly agents: readonly BlastRadius[];
}

export interface BlastRadius {
  readonly name: string;
  readonly sentence: string;
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly run: {
    /** `any`: an interpreter that can make system calls of its own; `shell`: one that can only start programs. */
    readonly code: 'any' | 'shell' | 'listed';
    readonly because: readonly string[];
    readonly sets: readonly string[];
    readonly allow: readonly string[];
    readonly deny: readonly string[];
    readonly own: 'never' | 'ask' | 'allow';
    /** Tier `user`: every program of the machine but those denied, whatever the sets and lists say. */
    readonly all?: true;
  };
  /** `host:port`, with `at ADDRESS` where it is pinned. */
  readonly reach: readonly string[];
  /** Bytes, count, per cent of one processor. */
  readonly spend: {
    readonly memory: number;
    readonly processes: number;
    readonly cpu: number;
    readonly disk: number;
    /** A day: `2,000,000 tokens`; absent: no cap. */
    readonly budget?: readonly string[];
  };
  /** Secrets, with where; absent: none. */
  readonly use?: readonly string[];
  readonly ask: readonly string[];
  /** Commands that run outside for it, as other users; absent: none. */
  readonly outside?: readonly string[];
  readonly cannot: readonly ProvenClaim[];
  /** The oldest of the measurements that the claims rest on. */
  readonly measuredAt?: string;
}

export interface ProvenClaim {
  readonly claim: string;
  readonly walls: readonly Wall[];
  readonly proven: boolean;
  /** When it is not proven. */
  readonly why?: string;
}

/** One secret, as `secrets list` shows it; its value is nowhere. */
export interface SecretEntry {
  readonly name: string;
  /** `missing`: an agent wants it and nobody has set it. `waiting`: set, and taken by the gateway when it runs. `damaged`: its
   *  file does not open. */
  readonly state: 'set' | 'missing' | 'waiting' | 'damaged';
  readonly since?: string;
  readonly usedBy: readonly { readonly agent: string; readonly variable: string; readonly host: string }[];
  /** Absent: nothing is said of its rotation. */
  readonly rotate?: SecretRotate;
  readonly findings?: readonly { readonly id: string; readonly text: string }[];
  /** The access token of a sign-in that the gateway refreshes: good until (ISO 8601, UTC). */
  readonly signIn?: { readonly harness: string; readonly until: string; readonly refused?: string };
}

export interface SecretRotate {
  /** How old it may get, milliseconds; absent with `due` and `dueAt`: as old as it likes. */
  readonly every?: number;
  readonly due?: 'no' | 'due' | 'overdue';
  /** ISO 8601, UTC. */
  readonly dueAt?: string;
  /** What mints a new value, and whom it runs as where root asks. */
  readonly command?: readonly string[];
  readonly user?: string;
  /** The request that shows whether a value is accepted. */
  readonly test?: string;
}

/** What `secrets set`, `rotate`, `revoke` and `test` answer. `ended`: connections that had used it. `tookMs`: until they had, and the
 *  new value was in force. `tested`: absent where no test is configured. */
export interface SecretChanged {
  readonly replaced?: boolean;
  readonly ended: number;
  readonly tookMs: number;
  readonly tested?: readonly SecretTried[];
  readonly findings?: readonly { readonly id: string; readonly text: string }[];
}

/** One SSH key of an agent's; its private half is nowhere but in the gateway. */
export interface SshKeyEntry {
  readonly agent: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** `missing`: there was no gateway to make it. `damaged`: its file does not open. */
  readonly state: 'ready' | 'missing' | 'damaged';
  readonly since?: string;
  /** As `ssh-keygen -l` prints it. */
  readonly fingerprint?: string;
  /** To be registered at the server. */
  readonly public?: string;
}

export interface SshKeysDocument {
  readonly keys: readonly SshKeyEntry[];
}

export interface SecretsDocument {
  readonly secrets: readonly SecretEntry[];
}
