import type { Bounds } from './bounds.ts';

/** How long a command or connection waits for an answer, and a question for a person; milliseconds. */
export const ASK: { readonly wait: number; readonly deadline: number } = { wait: 60_000, deadline: 12 * 3_600_000 };

export const WAIT: Bounds = { least: 0, most: 600_000 };
export const DEADLINE: Bounds = { least: 60_000, most: 30 * 24 * 3_600_000 };
