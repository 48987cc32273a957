import { AS_ROOT, finding, type MachineCheck, ok } from './check.ts';

/** LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET and _SIGNAL came with version 6 of the interface (landlock(7)). */
const SCOPES = 6;

/** Whether this machine can have agents on its own files. Tier sandbox does not need it, so nothing here is critical. */
export const tierUser: MachineCheck = {
  id: 'tier-user',
  subject: 'tier user',
  judge: ({ uid, tried: { hidepid, hostNetwork }, landlock }) => {
    if (uid !== 0) return ok('without root there is none; tier sandbox needs none');
    if (hidepid.works === 'unknown') return finding('low', `proc with hidepid not tried: ${hidepid.why}`, AS_ROOT);
    if (hidepid.works === false)
      return finding(
        'low',
        `an agent of tier user would see all processes: ${hidepid.why}`,
        'Let root mount proc with hidepid=invisible here, or keep agents in tier sandbox.',
      );
    if (hostNetwork.works !== true)
      return finding(
        'low',
        `nothing would keep an agent of tier user from the host's network: ${hostNetwork.why}`,
        'Load nft_tproxy, nft_socket and nf_nat (modprobe), have CONFIG_CGROUP_BPF, or keep agents in tier sandbox.',
      );
    if (!landlock) return ok('proc that hides others (tried); what Landlock would add is missing, see there');
    if (landlock < SCOPES)
      return finding(
        'low',
        `an agent of tier user reaches abstract Unix sockets of the host: Landlock ${landlock}, scopes came with ${SCOPES}`,
        'Boot Linux 6.12 or newer with Landlock, or keep agents in tier sandbox.',
      );
    return ok(`proc that hides others (tried), Landlock ${landlock} with scopes`);
  },
};
