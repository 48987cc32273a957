import { FUZZ } from '../../protocol/seed.ts';

/** Chance from the fuzzers' seed (mulberry32). */
export function random(): { seed: number; below: (n: number) => number; pick: <T>(from: readonly T[]) => T } {
  const { seed } = FUZZ;
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n: number): number => Math.floor(next() * n);
  return { seed, below, pick: (from) => from[below(from.length)] as never };
}
