import type { CgroupRoots } from '../cgroup/cgroup-roots.ts';
import { cgroupHand, netnses } from './compartment-ground.ts';
import { copies } from './copies.ts';
import { disks } from './disks.ts';
import { files, folders, held, links } from './folders.ts';
import type { Hands } from './hand.ts';
import { homes } from './homes.ts';
import { deadEndHand, hostRulesHand } from './host-network.ts';
import { units } from './units.ts';
import { groups, users } from './users.ts';

/** The kinds of resource that only a running warden has. */
type Running = 'compartment' | 'port' | 'policy';

/** The hands for all that is there without a program of ours running: the warden's, and those of an `up` before there is one. */
export function groundHands(cgroups: CgroupRoots): Omit<Hands, Running> {
  return {
    group: groups,
    user: users,
    folder: folders,
    file: files,
    copy: copies,
    link: links,
    unit: units,
    disk: disks,
    held,
    cgroup: cgroupHand(cgroups),
    home: homes,
    netns: netnses,
    'dead-end': deadEndHand(cgroups),
    'host-rules': hostRulesHand(cgroups),
  };
}
