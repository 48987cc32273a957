import type { Destination } from '../../policy/egress.ts';
import type { Compartment } from './compartment.ts';

/** A handler of events, or a function whose promise nobody awaits. */
export type Handler<A extends readonly unknown[]> = (...args: A) => unknown;
export type Contain = <A extends readonly unknown[]>(handler: Handler<A>) => (...args: A) => void;

/** What serves one connection or stream ends with that alone if it throws: others' must not end with it, as they would with the program. It is on
 *  record as `egress.broken`, and where it was thrown is in the log, the same once a minute.
 *  @param end  of the connection or stream; called at most once for each throw, and throws nothing */
export function contained(compartment: Compartment, destination: Destination | undefined, end: () => void): Contain {
  return (handler) =>
    (...args) => {
      const broke = (bug: unknown): void => {
        compartment.broke(bug, destination);
        end();
      };
      try {
        const result = handler(...args);
        if (result instanceof Promise) result.catch(broke);
      } catch (bug) {
        broke(bug);
      }
    };
}
