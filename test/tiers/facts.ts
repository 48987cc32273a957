import { agentName } from '../../src/model/names.ts';
import type { CompartmentFacts, NetworkPlace } from '../../src/tiers/facts.ts';

/** A host as small as it can be, the same on every machine. */
export function smallFacts(change: Partial<CompartmentFacts> = {}): CompartmentFacts {
  return {
    agent: {
      name: agentName('coder'),
      role: 'writes code',
      tier: 'sandbox',
      workspace: { kind: 'own' },
      env: { EDITOR: 'ed' },
      exec: { sets: ['base'], allow: [], deny: [], own: 'never', ask: 'never' },
      limits: { memory: 1 << 30, processes: 100, cpu: 100, disk: 1 << 30 },
      egress: [],
      ports: [],
      knowledge: [],
    },
    uid: 47_001,
    gid: 47_001,
    groups: [],
    hostname: 'coder',
    stage: '/state/run/stage',
    home: '/state/agents/coder/disk/home',
    workspace: { path: '/state/agents/coder/disk/workspace', masks: [] },
    knowledgeFolder: '/state/agents/coder/knowledge',
    knowledge: [],
    programs: [{ name: 'sh', file: '/usr/bin/dash', links: [{ at: '/usr/bin/sh', to: 'dash' }], script: false }],
    libraries: ['/usr/lib/x86_64-linux-gnu'],
    data: ['/usr/share/zoneinfo'],
    files: ['/etc/ld.so.cache'],
    trees: [],
    devices: ['null'],
    covered: [],
    cgroupProcs: ['/sys/fs/cgroup/bulkhead/home/coder/cgroup.procs'],
    network: { in: 'namespace', path: '/run/netns/bh-home-coder' },
    filter: '/state/run/filter.bpf',
    bwrap: '/usr/bin/bwrap',
    anchor: '/usr/bin/cat',
    ...change,
  };
}

/** The same host for an agent of tier `user`. */
export const ON_HOST: NetworkPlace = {
  in: 'host',
  system: {
    folders: ['/opt', '/usr', '/var', '/var/log'],
    links: [{ at: '/bin', to: 'usr/bin' }],
    libraries: ['/opt', '/usr/lib'],
    programFolders: ['/usr/bin'],
    loaders: ['/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2'],
    closed: ['/var/lib/bulkhead'],
    hostname: 'box',
    varTmp: true,
  },
  kill: '/sys/fs/cgroup/bulkhead/home/coder/cgroup.kill',
};
