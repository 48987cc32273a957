import type { Json } from './canonical.ts';
import type { AgentName } from './names.ts';

/** Everything that can be asked of a person. A kind is words, a digest and terms; the state machine (src/policy/approval.ts) looks
 *  at none of them, so a later kind is its own file in src/policy/question and its line here. */
export const KINDS = [
  'command',
  'destination',
  'secret-use',
  'package',
  'identity-file',
  'elevated',
  'budget',
  'update',
  'hire',
  'policy-change',
] as const;
export type QuestionKind = (typeof KINDS)[number];

/** asked -> approved | refused | expired | withdrawn; approved -> used | expired | withdrawn. Nothing leaves another state. */
export type QuestionState = 'asked' | 'approved' | 'refused' | 'expired' | 'withdrawn' | 'used';

/** How far an answer goes: this once (for an approval: the next identical attempt within an hour), for so many milliseconds, or
 *  always, for exactly this. */
export type Scope =
  | { readonly kind: 'once' }
  | { readonly kind: 'for'; readonly ms: number }
  | { readonly kind: 'always' };

/** What is asked. */
export interface Subject {
  readonly agent: AgentName;
  readonly kind: QuestionKind;
  /** SHA-256 in hex over everything that matters; identical questions are those of one agent, kind and digest. */
  readonly digest: string;
  /** What a person reads: complete, on one line, in visible ASCII. */
  readonly shown: string;
  /** What the gate that asked needs again when the answer is yes. */
  readonly terms: Json;
}

export interface Answer {
  readonly scope: Scope;
  /** Uid of the person, from peer credentials. */
  readonly by: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** In force before this; null for always. */
  readonly until: number | null;
}

/** A question and, once there is one, its answer. An approval is the grant itself: `revoke ID` and `approve ID` mean the same number.
 *  Times are milliseconds since 1970. */
export interface Question extends Subject {
  /** Small, never given twice. */
  readonly id: number;
  readonly state: QuestionState;
  readonly askedAt: number;
  /** No answer by then is no. */
  readonly deadline: number;
  /** Identical attempts while it waited, the first included. */
  readonly attempts: number;
  readonly uses: number;
  readonly answer?: Answer;
  /** When it came to a state that it cannot leave. */
  readonly endedAt?: number;
}
