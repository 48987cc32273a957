import type { Confinement, Expected, OutsideFacts } from '../../../src/checks/walls/facts.ts';
import { judgeWalls, readFacts } from '../../../src/checks/walls/judge.ts';
import type { Enforcement, Wall } from '../../../src/model/enforcement.ts';

/** A compartment of which every wall stands, as it is seen: what is alike in all tiers. */
export const UID = 47_001;

export const WANTED: Pick<Expected, 'uid' | 'gid' | 'groups' | 'limits' | 'ownPrograms' | 'sharedWorkspace'> = {
  ...{ uid: UID, gid: UID, groups: [], ownPrograms: false, sharedWorkspace: false },
  limits: { memory: 1 << 30, processes: 100, cpu: 100, disk: 1 << 30 },
};

export const SPACES: readonly string[] = ['pid', 'mnt', 'net', 'ipc', 'uts', 'user', 'cgroup'];

/** The namespaces of who is in `of`, with `shared` of the host's. */
export function spaces(of: string, shared: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(SPACES.map((kind) => [kind, `${kind}:[${shared.includes(kind) ? 'host' : of}]`]));
}

export const CONFINED: Confinement = {
  ...{ pid: 7, name: 'sh', uid: UID, capabilities: '0000', bounding: '0000', noNewPrivs: true, seccomp: 2, filters: 1 },
};

export function outsideOf(agentNamespaces: Readonly<Record<string, string>>): OutsideFacts {
  return {
    ...{ hostNamespaces: spaces('host'), agentNamespaces, processes: [CONFINED], limitsMissing: [] },
    ...{ ledger: { answers: true, uid: 900 }, gateway: true, packetFilter: true, hostGroups: [], masksGone: [] },
  };
}

/** What a probe prints of itself. */
export const SELF: readonly string[] = [
  ...['Uid', 'Gid'].map((id) => `self.${id} ${UID} ${UID} ${UID} ${UID}`),
  ...['self.Groups ', 'self.NoNewPrivs 1', 'self.Seccomp 2'],
  ...['CapEff', 'CapPrm', 'CapInh', 'CapBnd', 'CapAmb'].map((set) => `self.${set} 0000000000000000`),
  `home 0700 ${UID}`,
];

/** What it prints of the places that are the agent's. */
export function open(places: readonly string[]): string[] {
  return places.flatMap((at) => [
    `mount ${at} rw,nosuid,nodev,noexec ext4`,
    `size.${at} 1000000`,
    `try.exec.${at} refused 13`,
  ]);
}

/** @param lines  what the probe printed, without `fact ` */
export function judge(lines: readonly string[], outside: OutsideFacts, expected: Expected): Record<Wall, Enforcement> {
  return judgeWalls({ inside: readFacts(lines.map((line) => `fact ${line}\n`).join('')), outside }, expected);
}
