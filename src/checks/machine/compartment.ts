import { AS_ROOT_UP, atLeast, finding, install, type MachineCheck, needs, ok } from './check.ts';
import type { HostFacts } from './facts.ts';

/** 0.8.0 is the first with --disable-userns. */
const BUBBLEWRAP_FLOOR = '0.8';

export const userNamespaces: MachineCheck = {
  id: 'user-namespaces',
  subject: 'processes',
  judge: (facts) =>
    needs(
      facts,
      ['unshare'],
      'user namespaces',
      facts.tried.userNamespace,
      `users may make user namespaces (tried${asWho(facts)})`,
      unlock(facts),
    ),
};

function asWho({ uid }: HostFacts): string {
  return uid === 0 ? ' as nobody' : '';
}

/** unshare(2): ENOSPC, a limit on user namespaces is reached, here or in a namespace around this one. */
const USED_UP = /No space left on device/;

function unlock({ settings, tried: { userNamespace } }: HostFacts): string {
  if (settings['kernel.apparmor_restrict_unprivileged_userns'] === 1)
    return 'sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, and the same line in /etc/sysctl.d';
  if (settings['kernel.unprivileged_userns_clone'] === 0)
    return 'sysctl -w kernel.unprivileged_userns_clone=1, and the same line in /etc/sysctl.d';
  if (settings['user.max_user_namespaces'] === 0)
    return 'sysctl -w user.max_user_namespaces=10000, and the same line in /etc/sysctl.d';
  if (userNamespace.works === false && USED_UP.test(userNamespace.why))
    return 'sysctl -w user.max_user_namespaces=10000 on the machine around this container';
  return 'Something refuses user namespaces to users (a container, a security module): allow them there.';
}

export const bubblewrap: MachineCheck = {
  id: 'bubblewrap',
  subject: 'files',
  judge: (facts) => {
    const version = facts.programs.bwrap?.version ?? '';
    if (version !== '' && !atLeast(version, BUBBLEWRAP_FLOOR))
      return finding('critical', `bubblewrap ${version}; the floor is ${BUBBLEWRAP_FLOOR}`, install(facts, ['bwrap']));
    const remedy = 'When user namespaces work, a container or a security module is in the way: allow bwrap there.';
    const restricted = facts.settings['kernel.apparmor_restrict_unprivileged_userns'] === 1;
    return needs(
      facts,
      ['bwrap'],
      'bubblewrap',
      facts.tried.bubblewrap,
      `bubblewrap ${version} (tried${asWho(facts)})`,
      restricted ? unlock(facts) : remedy,
    );
  },
};

export const disk: MachineCheck = {
  id: 'disk',
  subject: 'files',
  judge: (facts) =>
    facts.uid !== 0
      ? finding('high', 'without root what agents store is not limited', AS_ROOT_UP)
      : needs(
          facts,
          ['mkfs.ext4', 'mount', 'unshare'],
          'disk images',
          facts.tried.disk,
          'ext4 images on loop devices, with owners mapped (tried)',
          'modprobe loop, or let this machine have /dev/loop-control and /dev/loop0 and up',
        ),
};

const LITTLE = 2 * 1024 ** 3;

export const space: MachineCheck = {
  id: 'space',
  subject: 'disk space',
  judge: ({ space: { path, freeBytes } }) => {
    const free = `${(freeBytes / 1024 ** 3).toFixed(1)}G free in ${path}`;
    if (freeBytes >= LITTLE) return ok(free);
    return finding(
      freeBytes < LITTLE / 10 ? 'high' : 'medium',
      `${free}: an agent's disk alone is 5G by default`,
      'Free some, or use --state on a larger disk.',
    );
  },
};

export const network: MachineCheck = {
  id: 'network',
  subject: 'network',
  judge: (facts) =>
    needs(
      facts,
      ['ip', 'nft', 'unshare'],
      'our packet filter',
      facts.tried.network,
      `nftables ${facts.programs.nft?.version}: our rules load in a namespace of their own (tried)`,
      'The kernel needs nf_tables with tproxy, redirect and reject: modprobe nft_tproxy nft_redir nft_reject_inet',
    ),
};

/** What the filter cannot do without. */
const ACTIONS = ['kill_process', 'errno', 'allow'];

export const syscalls: MachineCheck = {
  id: 'syscall-filter',
  subject: 'syscalls',
  judge: ({ seccomp, settings }) => {
    const lacking = ACTIONS.filter((action) => !seccomp.includes(action));
    if (lacking.length > 0)
      return finding('critical', `seccomp lacks ${lacking.join(', ')}`, 'Boot a kernel with CONFIG_SECCOMP_FILTER.');
    const memfd = settings['vm.memfd_noexec'];
    return ok(
      `seccomp filters${memfd === null ? '' : `; vm.memfd_noexec is ${memfd}, memfd_create is refused anyhow`}`,
    );
  },
};

/** The gate needs SECCOMP_RET_USER_NOTIF, and that a program which cannot be read cannot be looked into (fs.suid_dumpable, proc(5)). */
export const execGate: MachineCheck = {
  id: 'exec-gate',
  subject: 'exec',
  judge: ({ seccomp, settings }) => {
    if (!seccomp.includes('allow')) return ok('the syscall filter comes first');
    if (!seccomp.includes('user_notif'))
      return finding(
        'high',
        'seccomp lacks user_notif: nothing can be asked for (exec.ask: on-miss), only allowed or absent',
        'Boot a kernel with CONFIG_SECCOMP_FILTER, outside of containers that hide it.',
      );
    if (settings['fs.suid_dumpable'] === 1)
      return finding(
        'high',
        'fs.suid_dumpable is 1: an agent could change a program while it is asked for, so exec.ask: on-miss is refused',
        'sysctl -w fs.suid_dumpable=0, and the same line in /etc/sysctl.d',
      );
    return ok('programs can be asked for');
  },
};
