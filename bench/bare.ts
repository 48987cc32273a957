import type { Order } from '../src/tiers/orders.ts';

/** The compartment's mounts as bubblewrap's own options (bwrap(1)), for bubblewrap alone: what it has no word for (noexec, owner
 *  maps, modes) is left out, and a small file becomes an empty one. @param root  where the orders put their root together */
export function bareArguments(orders: readonly Order[], root: string): string[] {
  const inside = (at: string): string | undefined => (at.startsWith(`${root}/`) ? at.slice(root.length) : undefined);
  const mounts = orders.flatMap((order): string[] => {
    const at = 'at' in order ? inside(order.at) : undefined;
    if (at === undefined) return [];
    switch (order.do) {
      case 'dir':
        return ['--dir', at];
      case 'link':
        return ['--symlink', order.to, at];
      case 'tmpfs':
        return ['--tmpfs', at];
      case 'file':
        return ['--ro-bind', '/dev/null', at];
      case 'device':
        return ['--dev-bind', order.from, at];
      case 'idbind':
        return ['--bind', order.from, at];
      case 'bind':
        return [order.flags.includes('ro') ? '--ro-bind' : '--bind', inside(order.from) ?? order.from, at];
      default:
        return [];
    }
  });
  return ['--unshare-all', '--die-with-parent', ...mounts, '--proc', '/proc', '--chdir', '/workspace'];
}
