import { AS_ROOT_UP, finding, type MachineCheck, ok, untried } from './check.ts';

export const freeze: MachineCheck = {
  id: 'freeze',
  subject: 'processes',
  judge: ({ uid, cgroup: { unified, freezeAndKill } }) => {
    if (uid !== 0) return ok('without root: by signals to every process, and its end is seen in /proc');
    if (unified === null)
      return finding(
        'critical',
        'cgroup v2 is not mounted',
        'mount -t cgroup2 none /sys/fs/cgroup/unified (or boot with the unified hierarchy)',
      );
    if (freezeAndKill.works === true) return ok(`cgroup v2 at ${unified} freezes and kills (tried)`);
    if (freezeAndKill.works === 'unknown') return untried('freezing through cgroup v2', freezeAndKill.why);
    const remedy = `Let root make groups in ${unified} (in a container: mount it writable).`;
    return finding('critical', `cgroup v2 at ${unified}: ${freezeAndKill.why}`, remedy);
  },
};

const WANTED = ['memory', 'pids', 'cpu'] as const;

export const limits: MachineCheck = {
  id: 'limits',
  subject: 'limits',
  judge: ({ uid, cgroup: { unifiedControllers, v1Controllers } }) => {
    if (uid !== 0) return finding('high', 'without root memory and cpu are not limited; processes are', AS_ROOT_UP);
    const lacking = WANTED.filter((name) => !unifiedControllers.includes(name) && !v1Controllers.includes(name));
    if (lacking.length > 0)
      return finding(
        'high',
        `no cgroup controller for ${lacking.join(', ')}: the wall limits is partial here`,
        'Boot with cgroup_enable=memory and the unified hierarchy.',
      );
    const from = (version: string, names: readonly string[]): string[] => {
      const held = WANTED.filter((name) => names.includes(name));
      return held.length > 0 ? [`${held.join(', ')} by cgroup ${version}`] : [];
    };
    const v1 = v1Controllers.filter((name) => !unifiedControllers.includes(name));
    return ok([...from('v2', unifiedControllers), ...from('v1', v1)].join('; '));
  },
};
