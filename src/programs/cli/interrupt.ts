import { Failure } from '../../model/failure.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs something that can be stopped between two of its steps. The first signal asks it to; a second one ends the process.
 *  @throws Failure `interrupted` where a signal came and the work did not get to its end */
export async function untilInterrupted<T>(act: (left: AbortSignal) => Promise<T>): Promise<T> {
  const leaving = new AbortController();
  const leave = (): void => {
    stopListening();
    leaving.abort();
  };
  const stopListening = (): void => {
    for (const signal of SIGNALS) process.off(signal, leave);
  };
  for (const signal of SIGNALS) process.on(signal, leave);
  try {
    return await act(leaving.signal);
  } catch (error) {
    if (!leaving.signal.aborted) throw error;
    throw new Failure(
      'interrupted',
      'It was stopped between two steps; what was done until then stays.',
      'bulkhead up goes on from here, bulkhead down takes down what stands.',
      1,
    );
  } finally {
    stopListening();
  }
}
