import type { Limits } from '../model/fleet.ts';
import type { HostAgent } from '../tiers/host-net.ts';

/** Everything Bulkhead makes on a machine, as a closed list. What is not one of these it cannot make, and what it made it can
 *  name, compare and take away. Sizes are bytes, modes octal text, paths absolute. */
export type Resource =
  | { readonly kind: 'group'; readonly name: string; readonly gid: number }
  | { readonly kind: 'user'; readonly name: string; readonly uid: number; readonly gid: number; readonly mark: string }
  | {
      readonly kind: 'folder';
      readonly path: string;
      readonly mode: string;
      readonly uid: number;
      readonly gid: number;
    }
  | { readonly kind: 'file'; readonly path: string; readonly mode: string; readonly text: string }
  /** The product's own files, root's, copied from the tree `from`; `digest` is over all of them. */
  | { readonly kind: 'copy'; readonly path: string; readonly from: string; readonly digest: string }
  | { readonly kind: 'link'; readonly path: string; readonly to: string }
  /** A systemd unit that keeps the warden, on machines where systemd is process 1; `text` is the unit file. */
  | { readonly kind: 'unit'; readonly path: string; readonly text: string }
  /** A file system of the agent's own, of this size, in the file `image`, mounted on `path` (noexec,nosuid,nodev). `unmounted` is
   *  never wanted, and there after a reboot: what is stored is there all the same. */
  | {
      readonly kind: 'disk';
      readonly image: string;
      readonly path: string;
      readonly bytes: number;
      readonly unmounted?: true;
    }
  /** An empty folder that holds a masked name in a folder of the operator's, so that the agent cannot make it. */
  | { readonly kind: 'held'; readonly path: string }
  /** A home of somebody's, closed to others for as long as an agent lives on the host's own file system; `was` is the mode it had
   *  and gets back. */
  | { readonly kind: 'home'; readonly path: string; readonly mode: string; readonly was: string }
  | { readonly kind: 'cgroup'; readonly path: string; readonly limits: Pick<Limits, 'memory' | 'processes' | 'cpu'> }
  | { readonly kind: 'netns'; readonly name: string; readonly rules: string }
  /** Tier `user`: all that this uid sends turns to loopback, by routing and by its cgroup. `missing` is never wanted: parts of it
   *  that somebody took away. */
  | { readonly kind: 'dead-end'; readonly uid: number; readonly cgroup: string; readonly missing?: readonly string[] }
  /** Tier `user`: the packet filter of all such agents, one table of ours in the host's network; `cgroup` is the one above them.
   *  `altered` is never wanted: it is not as we load it. */
  | {
      readonly kind: 'host-rules';
      readonly table: string;
      readonly cgroup: string;
      readonly agents: readonly HostAgent[];
      readonly altered?: true;
    }
  /** The agent's walls and, if it has a command, the agent. `digest` is over every order the launcher gets;
   *  without a tier it is `sandbox`. */
  | { readonly kind: 'compartment'; readonly agent: string; readonly digest: string; readonly tier?: 'user' }
  | { readonly kind: 'port'; readonly agent: string; readonly port: number }
  /** What gateway and exec gate are told to allow, for all agents. */
  | { readonly kind: 'policy'; readonly digest: string; readonly rules: number; readonly outside?: readonly string[] };

export type Kind = Resource['kind'];

/** What makes two resources the same thing, however it differs in the rest. */
export function identity(resource: Resource): string {
  switch (resource.kind) {
    case 'group':
    case 'user':
    case 'netns':
      return `${resource.kind} ${resource.name}`;
    case 'folder':
    case 'file':
    case 'copy':
    case 'link':
    case 'unit':
    case 'disk':
    case 'held':
    case 'home':
    case 'cgroup':
      return `${resource.kind} ${resource.path}`;
    case 'dead-end':
      return `dead-end ${resource.uid}`;
    case 'host-rules':
      return `host-rules ${resource.table}`;
    case 'compartment':
      return `compartment ${resource.agent}`;
    case 'port':
      return `port ${resource.port}`;
    case 'policy':
      return 'policy';
  }
}
