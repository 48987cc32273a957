import { existsSync } from 'node:fs';
import { type CgroupRoots, unifiedFolder } from '../cgroup/cgroup-roots.ts';
import { keepToLoopback, keptToLoopback, releaseFromLoopback } from '../cgroup/loopback-only.ts';
import { deadEnd, FAMILIES, lookAtRouting, makeDeadEnd, type Routing, removeDeadEnd } from '../net/dead-end.ts';
import { hostFilterInForce, hostFilterWanted, loadHostFilter, removeHostFilter } from '../net/host-filter.ts';
import type { Hand, Of } from './hand.ts';

/** What keeps agents in the host's own network from it. Made in this order, taken away in the other, while nothing runs in the
 *  cgroup: at every moment between there is either no agent or the dead end.
 *  @param look  at the machine's routing, when only to observe */
export function deadEndHand(roots: CgroupRoots, look: () => Routing = lookAtRouting): Hand<Of<'dead-end'>> {
  const cgroupOf = ({ cgroup }: Of<'dead-end'>): string | undefined => {
    const folder = unifiedFolder(roots, cgroup);
    return folder !== undefined && existsSync(folder) ? folder : undefined;
  };
  const hand: Hand<Of<'dead-end'>> = {
    observe(what) {
      const { uid, cgroup } = what;
      const folder = cgroupOf(what);
      const kept = folder !== undefined && keptToLoopback(folder);
      const routing = look();
      if (!kept && FAMILIES.every((family) => deadEnd(uid, family, routing) === 'none')) return undefined;
      const missing = [
        ...FAMILIES.filter((family) => deadEnd(uid, family, routing) !== 'all').map(
          (family) => `routing (IPv${family.slice(1)})`,
        ),
        ...(kept ? [] : ['the hold on its cgroup']),
      ];
      return { kind: 'dead-end', uid, cgroup, ...(missing.length > 0 && { missing }) };
    },
    make(what) {
      const folder = cgroupOf(what);
      if (folder === undefined) throw new Error(`the cgroup ${what.cgroup} is not there`);
      keepToLoopback(folder);
      const routing = lookAtRouting();
      for (const family of FAMILIES) makeDeadEnd(what.uid, family, routing);
    },
    change: (what) => hand.make(what),
    remove(what) {
      const folder = cgroupOf(what);
      const routing = lookAtRouting();
      for (const family of FAMILIES) removeDeadEnd(what.uid, family, routing);
      if (folder !== undefined) releaseFromLoopback(folder);
    },
  };
  return hand;
}

export function hostRulesHand(roots: CgroupRoots): Hand<Of<'host-rules'>> {
  return {
    observe(what) {
      const { altered: _, ...wanted } = what;
      const there = hostFilterInForce(what.table);
      if (there === undefined) return undefined;
      return there === hostFilterWanted(roots, what, existsSync) ? wanted : { ...wanted, altered: true };
    },
    make: (what) => loadHostFilter(roots, what),
    change: (what) => loadHostFilter(roots, what),
    remove: ({ table }) => removeHostFilter(table),
  };
}
