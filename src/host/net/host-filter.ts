import { createHash } from 'node:crypto';
import { relative } from 'node:path';
import { type HostAgent, tableName } from '../../tiers/host-net.ts';
import { hostRuleset } from '../../tiers/host-rules.ts';
import { noUnified } from '../cgroup/cgroup-files.ts';
import { type CgroupRoots, unifiedFolder } from '../cgroup/cgroup-roots.ts';
import { runTool } from '../processes/command.ts';

/** The packet filter of agents in the host's own network: one table of this state's in the network namespace we run in. */
export interface HostFilter {
  readonly table: string;
  /** The cgroup above all agents of the fleet. */
  readonly cgroup: string;
  readonly agents: readonly HostAgent[];
}

/** @param state  the path of the state, whose table it is */
export function tableOf(state: string): string {
  return tableName(createHash('sha256').update(state).digest('hex'));
}

/** Puts the whole table in place in one transaction, whatever was there. The cgroups must be there. */
export function loadHostFilter(roots: CgroupRoots, filter: HostFilter): void {
  runTool(
    'unshare',
    [...PRIVATE, 'sh', '-c', `${UNIFIED_THERE} && exec nft -f -`, unified(roots)],
    text(roots, filter),
  );
}

/** @returns the table as nft lists it, without counters, cgroups as the kernel's numbers; undefined when there is none */
export function hostFilterInForce(table: string): string | undefined {
  const there = runTool('nft', ['list', 'tables', 'inet']).split('\n').includes(`table inet ${table}`);
  return there ? runTool('unshare', [...PRIVATE, 'sh', '-c', list(table)]) : undefined;
}

/** What it would be listed as, had it just been loaded: it is, into a namespace that is gone when this returns. Undefined while one
 *  of its cgroups is not there. */
export function hostFilterWanted(
  roots: CgroupRoots,
  filter: HostFilter,
  exists: (path: string) => boolean,
): string | undefined {
  const folders = filter.agents.map(({ cgroup }) => unifiedFolder(roots, cgroup));
  if (!folders.every((folder) => folder !== undefined && exists(folder))) return undefined;
  const both = `${UNIFIED_THERE} && nft -f - && ${list(filter.table)}`;
  return runTool('unshare', ['--net', ...PRIVATE, 'sh', '-c', both, unified(roots)], text(roots, filter));
}

export function removeHostFilter(table: string): void {
  runTool('nft', ['-f', '-'], `table inet ${table}\ndelete table inet ${table}\n`);
}

/** nft looks for cgroups under /sys/fs/cgroup alone, and on a machine with both versions the unified hierarchy is elsewhere. It
 *  writes them down as inode numbers and, when it lists, searches for these: where nothing is to be found it prints the numbers. */
const PRIVATE = ['--mount', '--propagation', 'private'];
const UNIFIED_THERE = 'mount --bind "$0" /sys/fs/cgroup';

function list(table: string): string {
  return `mount -t tmpfs none /sys/fs/cgroup && nft -s list table inet ${table}`;
}

function text(roots: CgroupRoots, { table, cgroup, agents }: HostFilter): string {
  const named = (path: string): string => relative(unified(roots), unifiedFolder(roots, path) ?? '');
  return hostRuleset(
    table,
    named(cgroup),
    agents.map((agent) => ({ ...agent, cgroup: named(agent.cgroup) })),
  );
}

function unified({ unified: root }: CgroupRoots): string {
  if (root === undefined) throw noUnified();
  return root;
}
