import { atLeast, finding, install, type MachineCheck, missing, ok } from './check.ts';

const KERNEL_FLOOR = '6.1';
const NODE_FLOOR = '24.16';

export const kernel: MachineCheck = {
  id: 'kernel',
  subject: 'kernel',
  judge: ({ kernel, architecture }) => {
    if (!atLeast(kernel, KERNEL_FLOOR))
      return finding('critical', `Linux ${kernel}; the floor is ${KERNEL_FLOOR}`, 'Boot a newer kernel.');
    if (architecture !== 'x64' && architecture !== 'arm64')
      return finding(
        'critical',
        `the system call filter knows x86-64 and arm64, not ${architecture}`,
        'Use such a machine.',
      );
    return ok(`Linux ${kernel}, ${architecture}`);
  },
};

export const root: MachineCheck = {
  id: 'root',
  subject: 'identity',
  judge: ({ uid }) =>
    uid === 0
      ? ok('root: each agent gets a user of its own')
      : finding(
          'high',
          `without root agents and programs run as you (uid ${uid}): the walls identity, record and limits are partial`,
          'sudo bulkhead up gives each a user, a disk and a cgroup of its own.',
        ),
};

export const launcher: MachineCheck = {
  id: 'launcher',
  subject: 'launcher',
  judge: (facts) => {
    const absent = missing(facts, ['perl']);
    if (absent.length > 0)
      return finding('critical', 'perl, in which the launcher is written, is not installed', install(facts, absent));
    return ok(`perl ${facts.programs.perl?.version}`);
  },
};

export const node: MachineCheck = {
  id: 'node',
  subject: 'node',
  judge: ({ node }) =>
    atLeast(node, NODE_FLOOR)
      ? ok(`Node ${node}`)
      : finding('critical', `Node ${node}; the floor is ${NODE_FLOOR}`, 'npm ci in the tree brings one along.'),
};
