import type { WantedExec } from '../model/fleet.ts';

/** Between warden and gate: what the gate judges one agent by, and what both hold of what is in flight. */
export interface AgentPolicy {
  readonly agent: string;
  /** With every file that `deny` leads to. */
  readonly exec: WantedExec;
  /** Names and paths of what may start by its file alone. */
  readonly allowed: readonly string[];
  /** Every path in a program folder that is there. */
  readonly names: readonly string[];
  /** What each stub stands for, by its path inside. */
  readonly stubs: Readonly<Record<string, Behind>>;
  /** How long what was asked for waits itself, in milliseconds. */
  readonly waitMs: number;
  /** The environment that its compartment gives. */
  readonly given: Readonly<Record<string, string>>;
  /** Tier `user`: programs of the host that are on no list are asked for as well, but for those in these trees. */
  readonly host?: { readonly trees: readonly string[] };
}

/** A program that stands behind a stub. */
export interface Behind {
  readonly name: string;
  /** On the host, without links. */
  readonly file: string;
}

/** A question that was taken and not answered yet: the kernel's notification (80 bytes) and the number of its listener. */
export const PLACE_BYTES = 96;
export const PLACES = 8192;
