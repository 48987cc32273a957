import { existsSync, rmSync } from 'node:fs';
import { Failure } from '../../model/failure.ts';
import { makeCgroup } from '../cgroup/cgroup.ts';
import { removeCgroup } from '../cgroup/cgroup-life.ts';
import { limitsInForce } from '../cgroup/cgroup-limits.ts';
import { type CgroupRoots, type Controller, controllerFolder, unifiedFolder } from '../cgroup/cgroup-roots.ts';
import { createNetns, deleteNetns, netnsPath, setUpNetns } from '../net/netns.ts';
import { rulesInForce } from '../net/netns-listing.ts';
import { isMounted } from './disks.ts';
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
  observe(what, { made }) {
    if (!existsSync(netnsPath(what.name))) return undefined;
    if (!made)
      throw new Failure(
        'taken',
        `The network namespace ${what.name} is there already, and is not ours.`,
        `Rename the fleet or the agent, or, if nothing needs it: ip netns delete ${what.name}`,
      );
    return { ...what, rules: isMounted(netnsPath(what.name)) ? rulesInForce(what.name) : '' };
  },
  make(what) {
    // ip-netns(8) makes a file first and then mounts the namespace on it: one that was killed in between left the file.
    if (!isMounted(netnsPath(what.name))) rmSync(netnsPath(what.name), { force: true });
    createNetns(what.name);
  },
  change(what) {
    if (isMounted(netnsPath(what.name))) setUpNetns(what.name);
    else netnses.make(what);
  },
  remove(what) {
    if (isMounted(netnsPath(what.name))) deleteNetns(what.name);
    else rmSync(netnsPath(what.name), { force: true });
  },
};
