import type { Passage } from './passages/passage.ts';

/** Ends connections at once. Resolves when both ends of each are closed and counted. @returns how many */
export async function endAll(passages: readonly Passage[], why: string): Promise<number> {
  for (const passage of passages) passage.end(why);
  await Promise.all(passages.map((passage) => passage.closed()));
  return passages.length;
}
