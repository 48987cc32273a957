import { existsSync } from 'node:fs';
import { Failure } from '../../model/failure.ts';
import { makeCgroup } from '../cgroup.ts';
import { removeCgroup } from '../cgroup-life.ts';
import { limitsInForce } from '../cgroup-limits.ts';
import { type CgroupRoots, type Controller, controllerFolder, unifiedFolder } from '../cgroup-roots.ts';
import { createNetns, deleteNetns, loadNetnsRules, netnsPath } from '../netns.ts';
import { rulesInForce } from '../netns-listing.ts';
import type { Hand, Of } from './hand.ts';

/** Memory is counted in pages of up to 64 KiB: the kernel may say a little less than was wanted. */
const PAGE = 65_536;

/** What a compartment stands on: its cgroup and its network namespace. */
export function cgroupHand(roots: CgroupRoots): Hand<Of<'cgroup'>> {
  return {
    observe(what) {
      const folder = unifiedFolder(roots, what.path);
      if (folder === undefined || !existsSync(folder)) return undefined;
      const inForce = limitsInForce(roots, what.path) ?? {};
      const limit = (name: keyof typeof what.limits, controller: Controller): number => {
        if (controllerFolder(roots, what.path, controller) === undefined) return what.limits[name]; // no plan can mend that
        const value = inForce[name] ?? 0;
        return Math.abs(value - what.limits[name]) < PAGE && name === 'memory' ? what.limits.memory : value;
      };
      return {
        ...what,
        limits: { memory: limit('memory', 'memory'), processes: limit('processes', 'pids'), cpu: limit('cpu', 'cpu') },
      };
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
      throw new Failure(
        'taken',
        `The network namespace ${what.name} is there already.`,
        `If nothing needs it: ip netns delete ${what.name}`,
      );
    createNetns(what.name);
  },
  change(what) {
    loadNetnsRules(what.name);
  },
  remove(what) {
    if (existsSync(netnsPath(what.name))) deleteNetns(what.name);
  },
};
