import { finding, type MachineCheck, ok } from './check.ts';

/** What makes a compartment's walls thicker, but does not carry them. */

export const landlock: MachineCheck = {
  id: 'landlock',
  subject: 'landlock',
  judge: ({ landlock }) => {
    if (landlock === null) return finding('low', 'not known', 'Install perl and ask again.');
    if (landlock > 0) return ok(`interface version ${landlock}`);
    return finding(
      'low',
      'this kernel has no Landlock; tier sandbox does without, tier user reaches abstract sockets of the host',
      'Boot with lsm=landlock,... where the kernel has it.',
    );
  },
};

export const ptrace: MachineCheck = {
  id: 'ptrace',
  subject: 'ptrace',
  judge: ({ settings }) => {
    const scope = settings['kernel.yama.ptrace_scope'];
    if (scope === null) return ok('no Yama; inside compartments the filter refuses ptrace');
    if (scope > 0) return ok(`kernel.yama.ptrace_scope is ${scope}`);
    return finding(
      'low',
      'programs of one user may trace each other; not inside compartments',
      'sysctl -w kernel.yama.ptrace_scope=1',
    );
  },
};

export const terminals: MachineCheck = {
  id: 'terminals',
  subject: 'terminals',
  judge: ({ settings }) =>
    settings['dev.tty.legacy_tiocsti'] === 1
      ? finding(
          'low',
          'TIOCSTI is allowed on this machine; inside compartments the filter refuses it',
          'sysctl -w dev.tty.legacy_tiocsti=0',
        )
      : ok('TIOCSTI is off'),
};

export const boot: MachineCheck = {
  id: 'boot',
  subject: 'boot',
  judge: ({ init }) =>
    init === 'systemd'
      ? ok('systemd is process 1')
      : finding(
          'low',
          `process 1 is ${init}, not systemd: nothing starts the fleet at boot`,
          'Have your init run: bulkhead up -f FILE',
        ),
};

export const tree: MachineCheck = {
  id: 'tree',
  subject: 'programs',
  judge: ({ tree: { path, writable }, uid }) => {
    if (writable.length === 0 || uid !== 0) return ok(`from ${path}`);
    return finding(
      'medium',
      `started as root from a tree that others may write: ${writable.join(', ')}`,
      `chown -R root: ${path} && chmod -R go-w ${path}, or use the installed bulkhead after the first up`,
    );
  },
};
