import type { Socket } from 'node:net';
import type { Commands } from './api/do.ts';
import type { Inbox } from './asking.ts';
import type { Compartment } from './compartment.ts';
import type { Resolve } from './names/resolve.ts';
import type { Authority } from './read/authority.ts';
import type { Roots } from './read/roots.ts';
import type { Recorder } from './record/record.ts';
import type { Credentials } from './secrets/credentials.ts';
import type { SignIns } from './secrets/sign-ins.ts';
import type { SshKeys } from './ssh/ssh-keys.ts';

/** The world around the gateway. */
export interface Outside {
  readonly recorder: Recorder;
  readonly resolve: Resolve;
  readonly inbox: Inbox;
  /** Absent: nothing runs outside. */
  readonly commands?: Commands;
  readonly keys: Keys;
  /** Absent: nobody is signed in anywhere. */
  readonly signIns?: Pick<SignIns, 'endpointOf' | 'refresh'>;
  /** Something a person should hear of. */
  readonly finding: (agent: string, text: string) => void;
}

/** What connections on which secrets go out need. */
export interface Keys {
  readonly authority: Authority;
  readonly roots: Roots;
  readonly credentials: Credentials;
  /** Absent: no agent has an SSH key. */
  readonly ssh?: SshKeys;
}

/** A connection from inside, and how it came. */
export interface Door {
  readonly outside: Outside;
  readonly compartment: Compartment;
  readonly client: Socket;
  /** `direct`, `connect`, `proxy` or `socks`. */
  readonly via: string;
}
