import type { Enforcement, Wall } from './enforcement.ts';

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
  /** Only where `health:` is asked for. */
  readonly health?: Health;
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
  };
  readonly ask: readonly string[];
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
