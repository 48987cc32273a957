import type { Resource } from '../../plan/resource.ts';

/** Carries out steps for one kind of resource. Each method does exactly one thing, may be called again after a crash half way,
 *  and throws a Failure where the operator can mend it. */
export interface Hand<R extends Resource> {
  /** What is there now; undefined when nothing is. Reads only.
   *  @throws Failure when something of that name is there and is not ours, and we want it */
  observe(what: R, known: Known): R | undefined | Promise<R | undefined>;
  make(what: R): void | Promise<void>;
  /** Present only for kinds that can be changed in place. */
  change?(what: R, was: R): void | Promise<void>;
  /** What is gone already is no error. */
  remove(what: R): void | Promise<void>;
}

/** Whether a resource is to be there, and whether the journal says that we made it: what we did not make is never taken for ours. */
export interface Known {
  readonly wanted: boolean;
  readonly made: boolean;
}

export type Hands = { readonly [K in Resource['kind']]: Hand<Extract<Resource, { kind: K }>> };
export type Of<K extends Resource['kind']> = Extract<Resource, { kind: K }>;
