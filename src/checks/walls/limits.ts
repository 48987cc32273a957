import { size } from '../../plan/describe.ts';
import { type Expected, fullUnless, type Judge, one, type ProbeFacts } from './facts.ts';

/** Memory, processes, processor and storage are bounded, as the kernel has it. */
export const limits: Judge = (facts, expected) =>
  fullUnless([...facts.outside.limitsMissing, ...storage(facts, expected)]);

function storage(facts: ProbeFacts, expected: Expected): string[] {
  if (expected.rootless) return ['disk is not limited: that takes a file system, which only root can mount'];
  return expected.open.flatMap((place) => {
    const bytes = Number(one(facts, `size.${place}`) ?? Number.NaN);
    if (place === '/workspace' && expected.sharedWorkspace)
      return ['disk: the workspace is a folder of yours, which has no size of its own'];
    if (Number.isNaN(bytes)) return [`disk: the size of ${place} is not known`];
    return bytes > expected.limits.disk && !/^\/(var\/)?(tmp|dev)/.test(place)
      ? [`disk: ${place} has ${size(bytes)}, more than ${size(expected.limits.disk)}`]
      : [];
  });
}
