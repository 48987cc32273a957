import type { Grip } from '../../../host/cgroup/grip.ts';
import type { LogFile } from '../logs/log-file.ts';
import type { Compartment } from './compartment.ts';
import type { HomeFile } from './home-files.ts';
import type { NetSpace } from './net-space.ts';

/** What a compartment needs of the warden. */
export interface Surroundings {
  readonly grip: Grip;
  /** In the host's network: what holds it there stands, or it does not start. */
  readonly mustHold?: () => Promise<void>;
  /** Hands the namespace's sockets to the gateway. */
  readonly connect: (network: NetSpace) => Promise<void>;
  readonly disconnect: () => Promise<void>;
  /** What the agent has in its environment instead of its secrets. */
  readonly placeholders: () => Promise<Readonly<Record<string, string>>>;
  /** Counts a run of its command. @returns why it may not be */
  readonly mayRun: () => Promise<string | undefined>;
  /** What it finds in its home with one in it. */
  readonly homeFiles?: () => Promise<readonly HomeFile[]>;
  /** Recorded before it happens; a refusal means it does not. */
  readonly record: (event: string, fields: object) => Promise<void>;
  /** Recorded after it has happened. */
  readonly tell: (event: string, fields: object) => void;
  readonly log: LogFile;
  /** A line in the warden's own log. */
  readonly note: (text: string) => void;
  /** Set where the exec gate answers for what is started. */
  readonly gate?: {
    readonly launchers: number;
    readonly pause: (agent: string, paused: boolean) => Promise<void>;
  };
  /** Called before it starts, and after it has ended. */
  readonly watch: (compartment: Compartment) => void;
  readonly unwatch: (compartment: Compartment) => void;
}
