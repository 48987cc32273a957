/** What one machine is, as gathered at one moment (src/host/machine/machine-facts.ts). What could not be found out says so. */
export interface HostFacts {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly kernel: string;
  readonly architecture: string;
  readonly distribution: { readonly name: string; readonly family: Family };
  /** The command name of process 1. */
  readonly init: string;
  readonly uid: number;
  readonly node: string;
  readonly programs: Readonly<Record<NeededProgram, FoundTool | null>>;
  readonly cgroup: {
    /** Where cgroup v2 is mounted; null where it is not. */
    readonly unified: string | null;
    readonly unifiedControllers: readonly string[];
    /** Controllers of cgroup v1 that are mounted. */
    readonly v1Controllers: readonly string[];
    /** A group of our own was made in the unified hierarchy, and could be frozen and killed. */
    readonly freezeAndKill: Tried;
  };
  readonly tried: {
    /** A user namespace made by a user without privileges. */
    readonly userNamespace: Tried;
    /** bubblewrap with the namespaces of a compartment, started by such a user. */
    readonly bubblewrap: Tried;
    /** A network namespace with our routes and our packet filter in it. */
    readonly network: Tried;
    /** An ext4 image on a loop device, mounted in a mount namespace of its own, with its owner mapped. */
    readonly disk: Tried;
    /** A proc file system that hides other users' processes, in a mount namespace of its own. */
    readonly hidepid: Tried;
    /** Routing by uid, our packet filter for the host's own network, and programs on a cgroup. */
    readonly hostNetwork: Tried;
  };
  /** Actions that seccomp(2) offers; empty: no seccomp. */
  readonly seccomp: readonly string[];
  /** Version of the Landlock interface; 0: none; null: not known. */
  readonly landlock: number | null;
  /** By name; null where this kernel has no such setting. */
  readonly settings: Readonly<Record<Setting, number | null>>;
  readonly space: { readonly path: string; readonly freeBytes: number };
  /** Paths of the tree the programs were started from (or above it) that somebody besides root may write; a few of them. */
  readonly tree: { readonly path: string; readonly writable: readonly string[] };
}

export type Family = 'debian' | 'fedora' | 'arch' | 'alpine' | 'suse' | 'other';

export const NEEDED_PROGRAMS = ['bwrap', 'nft', 'ip', 'mkfs.ext4', 'perl', 'unshare', 'mount'] as const;
export type NeededProgram = (typeof NEEDED_PROGRAMS)[number];

export interface FoundTool {
  readonly path: string;
  readonly version: string;
}

export const SETTINGS = [
  'user.max_user_namespaces',
  'kernel.unprivileged_userns_clone',
  'kernel.apparmor_restrict_unprivileged_userns',
  'kernel.yama.ptrace_scope',
  'dev.tty.legacy_tiocsti',
  'vm.memfd_noexec',
  'fs.suid_dumpable',
] as const;
export type Setting = (typeof SETTINGS)[number];

export type Tried =
  | { readonly works: true }
  | { readonly works: false; readonly why: string }
  | { readonly works: 'unknown'; readonly why: string };
