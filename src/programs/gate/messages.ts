import type { AgentPolicy, Behind } from '../../wire/gate-policy.ts';

/** What the two threads of the gate say to each other. The hot one answers the kernel; the other talks to warden and ledger. */

/** A file that may be put in place of a stub: content pinned, root's, execute only (a script: readable). */
export interface Pin {
  readonly path: string;
  readonly script: boolean;
  /** SHA-256 in hexadecimal. */
  readonly digest: string;
}

/** Who asked, and where its question stands in the flight. */
export interface Asker {
  readonly place: number;
  readonly id: bigint;
}

/** What a stub was started for. Texts hold bytes (latin1). */
export interface Asked extends Asker {
  readonly agent: string;
  readonly program: Behind;
  readonly argv: readonly string[];
  readonly environment: readonly string[];
  readonly cwd: string;
  /** It is bulkhead-do: the command is to run outside. */
  readonly outside?: true;
  /** Set where policy allows it, and only its copy is missing. */
  readonly rule?: string;
}

export interface ListenerFacts {
  readonly number: number;
  readonly fd: number;
  readonly agent: string;
  readonly device: string;
  readonly inode: string;
  /** False: a probe or a drill, which asks nobody. */
  readonly asks: boolean;
}

export type ToHot =
  | { readonly do: 'policies'; readonly policies: readonly AgentPolicy[] }
  /** What policy allows of this file is put in place without asking the other thread, from now until the next policy. */
  | { readonly do: 'pin'; readonly file: string; readonly pin: Pin }
  | ({ readonly do: 'listener' } & ListenerFacts)
  | { readonly do: 'begin' }
  /** So many bytes of the journal are the ledger's. */
  | { readonly do: 'shorten'; readonly upTo: number }
  | ({ readonly do: 'run'; readonly pin: Pin; readonly record: object } & Asker)
  /** What it asked for runs outside, at the other end of this socket. */
  | ({ readonly do: 'connect'; readonly fd: number } & Asker)
  | ({ readonly do: 'refuse'; readonly line: string; readonly record: object } & Asker)
  /** Its agent is paused, so that the kernel can freeze it: whoever waits asks again, until `paused` is false. */
  | { readonly do: 'pause'; readonly agent: string; readonly paused: boolean };

export type FromHot =
  | ({ readonly tell: 'listener' } & ListenerFacts)
  | { readonly tell: 'gone'; readonly number: number; readonly fd: number }
  | ({ readonly tell: 'asked' } & Asked)
  /** It was killed, or is to ask again; nobody waits for this answer any more. */
  | ({ readonly tell: 'left' } & Asker);
