import type { CompartmentFacts, Owner } from './facts.ts';
import type { MountFlags, Order } from './orders.ts';

/** What is the same in a compartment of every tier: who the agent is, its own places, its devices. */

export const CODE: MountFlags = ['ro', 'nosuid', 'nodev'];
export const READ: MountFlags = ['ro', 'nosuid', 'nodev', 'noexec'];
export const WRITE: MountFlags = ['nosuid', 'nodev', 'noexec'];

const TMP_BYTES: number = 512 * 1024 * 1024;
const SHM_BYTES: number = 64 * 1024 * 1024;
const TMP_INODES = 65_536;

export function identityOrders(facts: CompartmentFacts): Order[] {
  return [
    { do: 'uid', id: facts.uid },
    { do: 'gid', id: facts.gid },
    ...facts.groups.map((id): Order => ({ do: 'group', id })),
    { do: 'umask', mode: '027' },
  ];
}

/** /home/agent, /workspace, /knowledge, /shared, /tmp. */
export function placeOrders(facts: CompartmentFacts, root: string): Order[] {
  const folder = (at: string): Order => ({ do: 'dir', at: root + at, mode: '0755' });
  const bind = (from: string, at: string, flags: MountFlags): Order => ({ do: 'bind', from, at: root + at, flags });
  return [
    folder('/home'),
    folder('/home/agent'),
    bind(facts.home, '/home/agent', WRITE),
    ...workspaceOrders(facts, root),
    bind(facts.knowledgeFolder, '/knowledge', READ),
    ...facts.knowledge
      .filter((entry) => entry.is === 'folder')
      .map(({ name, path, owner }) => shown(path, `${root}/knowledge/${name}`, READ, owner)),
    folder('/shared'),
    folder('/tmp'),
    { do: 'tmpfs', at: `${root}/tmp`, flags: WRITE, data: `size=${TMP_BYTES},nr_inodes=${TMP_INODES},mode=1777` },
  ];
}

export function deviceOrders(facts: CompartmentFacts, root: string): Order[] {
  const dev = `${root}/dev`;
  return [
    ...facts.devices.map((name): Order => ({ do: 'device', from: `/dev/${name}`, at: `${dev}/${name}` })),
    { do: 'dir', at: `${dev}/pts`, mode: '0755' },
    { do: 'devpts', at: `${dev}/pts` },
    { do: 'link', to: 'pts/ptmx', at: `${dev}/ptmx` },
    { do: 'dir', at: `${dev}/shm`, mode: '0755' },
    { do: 'tmpfs', at: `${dev}/shm`, flags: WRITE, data: `size=${SHM_BYTES},nr_inodes=1024,mode=1777` },
    { do: 'link', to: '/proc/self/fd', at: `${dev}/fd` },
    ...['stdin', 'stdout', 'stderr'].map(
      (name, fd): Order => ({ do: 'link', to: `/proc/self/fd/${fd}`, at: `${dev}/${name}` }),
    ),
  ];
}

/** The one place that may be executable, and only where `exec.own` allows it. */
function workspaceOrders(facts: CompartmentFacts, root: string): Order[] {
  const { path, owner, masks } = facts.workspace;
  const at = `${root}/workspace`;
  const flags = facts.agent.exec.own === 'allow' ? WRITE.filter((flag) => flag !== 'noexec') : WRITE;
  return [
    { do: 'dir', at, mode: '0755' },
    shown(path, at, flags, owner),
    ...masks.map(({ name }): Order => ({ do: 'bind', from: `${at}/${name}`, at: `${at}/${name}`, flags: READ })),
  ];
}

function shown(from: string, at: string, flags: MountFlags, owner: Owner | undefined): Order {
  return owner === undefined ? { do: 'bind', from, at, flags } : { do: 'idbind', from, at, flags, ...owner };
}
