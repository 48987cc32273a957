import type { Expected } from '../../../checks/walls/facts.ts';
import { readAccounts } from '../../../host/hands/users.ts';
import type { WantedAgent, WantedFleet } from '../../../model/fleet.ts';
import { accountsWithHomes } from '../../../plan/homes.ts';
import { DEFAULT_STATE } from '../../../plan/places.ts';
import type { CompartmentFacts } from '../../../tiers/facts.ts';
import { numbersOf } from '../../../tiers/host-net.ts';
import { programNames } from '../../../tiers/programs.ts';
import { isStubbed, UNLISTED } from '../../../tiers/user-gate.ts';
import { PROGRAM_FOLDERS } from '../../../tiers/view.ts';

/** What is right for a compartment: the walls that a probe found are judged against it. */
export function expectedOf(facts: CompartmentFacts, fleet: WantedFleet, state: string): Expected {
  const { agent, uid, gid, groups, workspace, knowledge, programs, gate } = facts;
  const onHost = facts.network.in === 'host' ? facts.network.system : undefined;
  const denied = onHost ? facts.covered.filter((at) => !isStubbed(facts, onHost, at)) : [];
  return {
    uid,
    gid,
    groups,
    limits: agent.limits,
    ownPrograms: agent.exec.own === 'allow',
    sharedWorkspace: agent.workspace.kind === 'shared',
    rootless: facts.network.in === 'own',
    ...(onHost && {
      onHost: {
        address: numbersOf(uid).address4,
        system: ['/etc/passwd', ...onHost.folders],
        denied,
        ...(gate && { unlisted: UNLISTED }),
      },
    }),
    programs: [...programNames(programs), ...(gate?.stubs.flatMap(({ names }) => names) ?? [])],
    homes: [
      ...(onHost ? closedOnHost(fleet, state) : ['/home/agent/../../root', '/var/lib']),
      ...['/root', '/run/netns'],
      ...(process.env.HOME ? [process.env.HOME] : []),
    ],
    closed: [
      ...['/', '/usr/bin', '/usr/lib', '/etc', '/etc/passwd', '/dev', '/home'],
      ...(onHost?.folders ?? []),
      ...knowledge.map(({ name }) => `/knowledge/${name}`),
      ...workspace.masks.map(({ name }) => `/workspace/${name}`),
    ],
    readable: knowledge.map(({ name }) => `/knowledge/${name}`),
    open: ['/workspace', '/home/agent', '/tmp', '/dev/shm', ...(onHost?.varTmp ? ['/var/tmp'] : [])],
  };
}

/** People's homes, and what the product keeps of agents. */
function closedOnHost({ operators }: WantedFleet, state: string): string[] {
  const accounts = readAccounts('/etc/passwd').map(({ name, id, fields }) => ({
    ...{ name, uid: id, home: fields[5] ?? '', shell: fields[6] ?? '' },
  }));
  const homes = accountsWithHomes(
    accounts,
    operators.map(({ user }) => user),
  ).map(({ home }) => home);
  return [...new Set([...homes.filter((home) => home !== '/'), ...[DEFAULT_STATE, state].map((at) => `${at}/agents`)])];
}

/** What the probe is told of it, and of whom it tries to reach.
 *  @param beyond  outside of the compartment, in the same namespaces: its own first process, and an abstract socket of ours */
export function probeArguments(
  expected: Expected,
  health: WantedAgent['health'],
  beyond?: { readonly anchor: number; readonly abstract: string },
): Record<string, string> {
  const list = (paths: readonly string[]): string => paths.join('\t');
  return {
    arch: process.arch === 'arm64' ? 'aarch64' : 'x86_64',
    homes: list(expected.homes),
    closed: list(expected.closed),
    readable: list([...expected.readable, ...(expected.onHost?.system ?? [])]),
    open: list(expected.open),
    bins: list(PROGRAM_FOLDERS),
    ...(expected.onHost?.unlisted && { unlisted: expected.onHost.unlisted }),
    pids: expected.onHost ? `${process.pid} 1` : String(process.pid),
    door: expected.onHost?.address ?? '127.0.0.1',
    ...(beyond && { anchor: String(beyond.anchor), abstract: beyond.abstract }),
    ...(health && { health_port: String(health.port), health_path: health.path }),
  };
}
