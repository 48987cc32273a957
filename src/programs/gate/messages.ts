import type { AgentPolicy, Behind } from '../../wire/gate-policy.ts';

/** What the two threads of the gate say to each other. The hot one answers the kernel; the other talks to warden and ledger. */

/** A file that may be put in place of a stub: content pinned, root's, execute only (a script: readable). */
export interface Pin {
  readonly path: string;
  readonly script: boolean;
  /** SHA-256 in hexadecimal. */
  readonly digest: string;
  /** Of the original when it was copied (`versionOf`). */
  readonly version: string;
  /** Made of what an agent tried, and of no use but for that. */
  readonly own?: true;
}

/** The copy, open under the name of its original. Whoever gets it closes it. */
export interface Opened {
  readonly pin: Pin;
  readonly fd: number;
}

/** Who asked, and where its question stands in the flight. */
export interface Asker {
  readonly place: number;
  readonly id: bigint;
}

/** What a stub was started for. Texts hold bytes (latin1). */
export interface Asked extends Asker {
  readonly agent: string;
  readonly pid: number;
  /** The listener that it came by. */
  readonly listener: number;
  /** False: it is only said what would become of it. */
  readonly asks: boolean;
  readonly program: Behind;
  readonly argv: readonly string[];
  readonly environment: readonly string[];
  readonly cwd: string;
  /** Set where the stub stood over a file for a moment: the copy of it, made before. */
  readonly own?: Pin;
  /** The agent made it. */
  readonly made?: boolean;
  /** Set for an interpreter. */
  readonly script?: { readonly path: string; readonly digest: string };
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
  /** A line for the ledger. */
  | { readonly do: 'record'; readonly record: object }
  /** What policy allows of this file is put in place without asking the other thread, from now until the next policy. */
  | ({ readonly do: 'pin'; readonly agent: string; readonly file: string } & Opened)
  | ({ readonly do: 'listener' } & ListenerFacts)
  | { readonly do: 'begin' }
  /** So many bytes of the journal are the ledger's, by agent. */
  | { readonly do: 'shipped'; readonly bytes: ReadonlyMap<string, number> }
  /** The exec goes on; what it finds is decided by the mounts. `left`: why it is on no list and has no stub over it. */
  | ({ readonly do: 'go'; readonly own?: OwnProgram; readonly left?: string } & Asker)
  /** `approval`: how it ends is written down under this rule. */
  | ({
      readonly do: 'run';
      readonly record: object;
      readonly approval?: string;
      /** Of the original. */
      readonly file: string;
      readonly own: boolean;
    } & Opened &
      Asker)
  /** What it asked for runs outside, at the other end of this socket. */
  | ({ readonly do: 'connect'; readonly fd: number } & Asker)
  /** `flood`: of this program, as its agent asks more than people can answer. */
  | ({ readonly do: 'refuse'; readonly line: string; readonly record: object; readonly flood?: string } & Asker)
  /** Its agent is paused, so that the kernel can freeze it: whoever waits asks again, until `paused` is false. */
  | { readonly do: 'pause'; readonly agent: string; readonly paused: boolean };

/** Somebody executes what may be a file that the agent made, or one of the host's that is on no list: path and base as it gave them. */
export interface OwnTry extends Asker {
  readonly agent: string;
  readonly pid: number;
  /** As src/host/processes/process-stat.ts gives it: the pid may be another's by the time it is its turn. */
  readonly since: string;
  /** What it runs once its exec is through. */
  readonly stub: Pick<ListenerFacts, 'device' | 'inode'>;
  readonly base: number;
  readonly path: string;
}

/** What lies under the stub that is over such a file now, for the process `pid` (the first thread's). */
export interface OwnProgram {
  readonly pid: number;
  readonly ticket: number;
  readonly name: string;
  readonly pin: Pin;
  /** The agent made it. */
  readonly made: boolean;
}

export type FromHot =
  | ({ readonly tell: 'listener' } & ListenerFacts)
  | ({ readonly tell: 'own' } & OwnTry)
  /** Its stub has asked, so the file may be seen again. */
  | { readonly tell: 'uncover'; readonly ticket: number }
  /** It runs, was refused, or was killed: the copy is needed by nobody who waits. */
  | { readonly tell: 'forget'; readonly ticket: number }
  | { readonly tell: 'gone'; readonly number: number; readonly fd: number }
  | ({ readonly tell: 'asked' } & Asked)
  /** It was killed, or is to ask again; nobody waits for this answer any more. */
  | ({ readonly tell: 'left' } & Asker);
