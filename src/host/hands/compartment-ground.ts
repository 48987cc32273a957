import { Failure } from '../../model/failure.ts';
import { type CgroupRoots, limitsInForce, makeCgroup, removeCgroup } from '../cgroup.ts';
import { existsSync } from 'node:fs';
import { createNetns, deleteNetns, loadNetnsRules, netnsPath } from '../netns.ts';
import { rulesInForce } from '../netns-listing.ts';
import type { Hand, Of } from './hand.ts';

/** What a compartment stands on: its cgroup and its network namespace. */
export function cgroupHand(roots: CgroupRoots): Hand<Of<'cgroup'>> {
  return {
    observe(what) {
      const limits = limitsInForce(roots, what.path);
      return limits && { ...what, limits: { ...what.limits, ...limits } };
    },
    make(what) {
      makeCgroup(roots, what.path, what.limits);
    },
    change(what) {
      makeCgroup(roots, what.path, what.limits);
    },
    async remove(what) {
      await removeCgroup(roots, what.path);
    },
  };
}

export const netnses: Hand<Of<'netns'>> = {
  observe(what) {
    return existsSync(netnsPath(what.name)) ? { ...what, rules: rulesInForce(what.name) } : undefined;
  },
  make(what) {
    if (existsSync(netnsPath(what.name)))
      throw new Failure('taken', `The network namespace ${what.name} is there already.`, `If nothing needs it: ip netns delete ${what.name}`);
    createNetns(what.name);
  },
  change(what) {
    loadNetnsRules(what.name);
  },
  remove(what) {
    if (existsSync(netnsPath(what.name))) deleteNetns(what.name);
  },
};
