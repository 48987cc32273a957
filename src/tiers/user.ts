import { agentReadme, hostsFile, resolverFile } from './etc.ts';
import type { CompartmentFacts, NetworkPlace, SystemView } from './facts.ts';
import { deviceOrders, identityOrders, placeOrders, READ, WRITE } from './inside.ts';
import type { MountFlags, Order } from './orders.ts';
import { sshOrders } from './ssh.ts';
import { trustOrders } from './trust.ts';
import { ANCHOR, flagsOnHost, isStubbed, programFolderOrders, runsOrders, STUB } from './user-gate.ts';

type HostNetwork = Extract<NetworkPlace, { in: 'host' }>;

/** Tier `user`: the host's own file system, read-only, with the agent's places in it, in the host's network, process and user
 *  namespaces (docs/design/006-user-tier.md). No bubblewrap: the launcher itself becomes the agent's first process.
 *  The order matters: what is mounted later covers what came before. */
export function userOrders(facts: CompartmentFacts, host: HostNetwork): Order[] {
  const root = `${facts.stage}/root`;
  return [
    { do: 'beside', kill: host.kill },
    ...facts.cgroupProcs.map((procs): Order => ({ do: 'cgroup', procs })),
    { do: 'unshare', kinds: ['ipc', 'uts', 'cgroup'] },
    { do: 'stage', at: facts.stage },
    ...rootOrders(facts, host.system, root),
    { do: 'filter', path: facts.filter },
    { do: 'scopes' },
    ...runsOrders(facts, host.system, root),
    { do: 'root', at: root },
    ...identityOrders(facts),
    { do: 'env', name: 'PATH', value: '/usr/bin' },
    { do: 'cwd', path: '/workspace' },
    { do: 'arg', value: facts.gate ? ANCHOR : facts.anchor },
  ];
}

/** Joins such a compartment; what follows decides what runs. */
export function enterUserOrders(facts: CompartmentFacts, host: HostNetwork, firstPid: number): Order[] {
  const kinds = ['cgroup', 'ipc', 'uts', 'mnt'] as const;
  return [
    { do: 'beside' },
    ...facts.cgroupProcs.map((procs): Order => ({ do: 'cgroup', procs })),
    ...kinds.map((kind): Order => ({ do: 'ns', kind, path: `/proc/${firstPid}/ns/${kind}` })),
    { do: 'filter', path: facts.gate?.filter ?? facts.filter },
    ...(facts.gate ? [{ do: 'gate', agent: facts.agent.name, stub: STUB } as const] : []),
    { do: 'scopes' },
    ...runsOrders(facts, host.system, `/proc/${firstPid}/root`),
    ...identityOrders(facts),
  ];
}

function rootOrders(facts: CompartmentFacts, system: SystemView, root: string): Order[] {
  const folder = (at: string): Order => ({ do: 'dir', at: root + at, mode: '0755' });
  const file = (at: string, text: string): Order => ({ do: 'file', at: root + at, mode: '0444', text });
  const bind = (from: string, at: string, flags: MountFlags): Order => ({ do: 'bind', from, at: root + at, flags });
  const { folders, links, closed, varTmp, hostname } = system;
  const flags = flagsOnHost(facts, system);
  const apart = facts.gate ? system.libraries : []; // what is noexec around them is so without them
  return [
    folder(''),
    { do: 'tmpfs', at: root, flags: ['nosuid', 'nodev'], data: 'size=4m,mode=755' },
    ...['/dev', '/proc', '/run', '/sys', '/etc', '/etc/bulkhead'].map(folder),
    ...links.map(({ at, to }): Order => ({ do: 'link', to, at: root + at })),
    bind('/etc', '/etc/bulkhead/host', READ),
    {
      ...{ do: 'spread', from: '/etc', at: `${root}/etc`, through: 'bulkhead/host', flags: READ },
      but: ['bulkhead', 'hosts', 'resolv.conf', ...(facts.sshFolder === undefined ? [] : ['ssh'])],
    },
    file('/etc/hosts', hostsFile(hostname)),
    file('/etc/resolv.conf', resolverFile()),
    file('/etc/bulkhead/README', agentReadme(facts.agent)),
    ...[...new Set([...folders, ...apart])].sort().map((at) => bind(at, at, flags(at))),
    ...programFolderOrders(facts, system, root),
    bind('/sys', '/sys', READ),
    { do: 'proc', at: `${root}/proc` },
    ...deviceOrders(facts, root),
    ...placeOrders(facts, root),
    ...trustOrders(facts, root),
    ...sshOrders(facts, root),
    ...(varTmp ? [{ do: 'bind', from: `${root}/tmp`, at: `${root}/var/tmp`, flags: WRITE } as const] : []),
    ...closed.map((at): Order => ({ do: 'tmpfs', at: root + at, flags: READ, data: 'size=4k,mode=755' })),
    ...facts.covered.filter((at) => !isStubbed(facts, system, at)).map((at) => bind('/dev/null', at, READ)),
    { do: 'seal', at: root, flags: READ },
  ];
}
