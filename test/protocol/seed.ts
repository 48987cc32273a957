/** The fuzzers' seed: fixed, so that a failure can be seen again; BULKHEAD_FUZZ_SEED and BULKHEAD_FUZZ_RUNS look further. */
export const FUZZ: { readonly seed: number; readonly numRuns: number } = {
  seed: Number(process.env.BULKHEAD_FUZZ_SEED ?? 20261001),
  numRuns: Number(process.env.BULKHEAD_FUZZ_RUNS ?? 2000),
};
