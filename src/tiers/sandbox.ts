import { agentReadme, groupFile, hostsFile, nsswitchFile, passwdFile, resolverFile } from './etc.ts';
import type { CompartmentFacts, GateFacts } from './facts.ts';
import { CODE, deviceOrders, identityOrders, placeOrders, READ } from './inside.ts';
import { netnsRuleset } from './netns-rules.ts';
import type { MountFlags, Order } from './orders.ts';
import { SSH_VARIABLES, sshOrders } from './ssh.ts';
import { TRUST_VARIABLES, trustOrders } from './trust.ts';
import { enterUserOrders } from './user.ts';
import { PATH_INSIDE } from './view.ts';

/** Tier `sandbox`: bubblewrap over a root that the launcher put together mount by mount (docs/design/002-stage.md).
 *  The order matters: what is mounted later covers what came before. */
export function sandboxOrders(facts: CompartmentFacts): Order[] {
  return [
    ...facts.cgroupProcs.map((procs): Order => ({ do: 'cgroup', procs })),
    ...(facts.network.in === 'namespace'
      ? [{ do: 'netns', path: facts.network.path } as const]
      : [...rootlessOrders(facts), { do: 'userns', rules: netnsRuleset() } as const]),
    { do: 'stage', at: facts.stage },
    ...rootOrders(facts, `${facts.stage}/root`),
    { do: 'filter', path: facts.filter },
    ...identityOrders(facts),
    { do: 'env', name: 'PATH', value: '/usr/bin' },
    ...bwrapArguments(facts).map((value): Order => ({ do: 'arg', value })),
  ];
}

/** What a compartment without root has instead of a cgroup: the operator's own uid, and a limit that needs nobody's leave. */
function rootlessOrders(facts: CompartmentFacts): Order[] {
  return [{ do: 'rootless' }, { do: 'nproc', most: facts.agent.limits.processes }];
}

/** Joins a compartment whose first process has this pid on the host; what follows decides what runs.
 *  @param keeperPid  the process that holds it from outside: rootless, the namespace around the compartment is its */
export function enterOrders(
  facts: CompartmentFacts,
  { firstPid, keeperPid }: { readonly firstPid: number; readonly keeperPid: number },
  environment: Readonly<Record<string, string>>,
): Order[] {
  const rest = [
    ...Object.entries(environment).map(([name, value]): Order => ({ do: 'env', name, value })),
    { do: 'cwd', path: '/workspace' } as const,
  ];
  if (facts.network.in === 'host') return [...enterUserOrders(facts, facts.network, firstPid), ...rest];
  const kinds = ['cgroup', 'ipc', 'uts', 'net', 'pid', 'mnt', 'user'] as const;
  return [
    ...facts.cgroupProcs.map((procs): Order => ({ do: 'cgroup', procs })),
    ...(facts.network.in === 'own' ? [...rootlessOrders(facts), outerSpace(keeperPid)] : []),
    ...kinds.map((kind): Order => ({ do: 'ns', kind, path: `/proc/${firstPid}/ns/${kind}` })),
    { do: 'filter', path: facts.gate?.filter ?? facts.filter },
    ...(facts.gate ? gateOrders(facts, facts.gate, `/proc/${firstPid}/root`) : []),
    ...identityOrders(facts),
    ...rest,
  ];
}

/** What holds the compartment was started before the gate could answer for it, and has the agent's uid. In a Landlock domain of their own its
 *  commands cannot look into it, and so cannot make it start something that nobody is asked for. */
function gateOrders({ agent }: CompartmentFacts, gate: GateFacts, root: string): Order[] {
  return [
    { do: 'gate', agent: agent.name, stub: STUB },
    { do: 'runs', root, files: [root, gate.pins, `${gate.pins}/named/${agent.name}`] },
  ];
}

/** Who is to do anything to a rootless compartment enters the namespace around it first: there it has root's means. */
export function outerSpace(keeperPid: number): Order {
  return { do: 'ns', kind: 'outer', path: `/proc/${keeperPid}/ns/user` };
}

/** Built from nothing: what the operator's own environment holds never comes in. */
export function agentEnvironment(facts: CompartmentFacts): Record<string, string> {
  return {
    PATH: PATH_INSIDE,
    HOME: '/home/agent',
    USER: 'agent',
    LOGNAME: 'agent',
    SHELL: '/bin/bash',
    LANG: 'C.UTF-8',
    BULKHEAD_AGENT: facts.agent.name,
    ...(facts.trust && TRUST_VARIABLES),
    ...(facts.sshFolder !== undefined && SSH_VARIABLES),
    ...facts.agent.env,
  };
}

function bwrapArguments(facts: CompartmentFacts): string[] {
  return [
    facts.bwrap,
    ...['--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup', '--disable-userns'],
    ...['--uid', String(facts.uid), '--gid', String(facts.gid), '--hostname', facts.hostname],
    ...['--die-with-parent', '--cap-drop', 'ALL'],
    ...['--dev-bind', `${facts.stage}/root`, '/', '--proc', '/proc', '--chdir', '/workspace'],
    ...['--', '/etc/bulkhead/anchor'],
  ];
}

/** The stub inside, of which all others are names. */
const STUB = '/etc/bulkhead/stub';

function rootOrders(facts: CompartmentFacts, root: string): Order[] {
  const folder = (at: string, mode = '0755'): Order => ({ do: 'dir', at: root + at, mode });
  const file = (at: string, text: string): Order => ({ do: 'file', at: root + at, mode: '0444', text });
  const bind = (from: string, at: string, flags: MountFlags): Order => ({ do: 'bind', from, at: root + at, flags });
  const parents = foldersAbove([
    ...[...facts.libraries, ...facts.data, ...facts.files, ...facts.trees],
    ...facts.programs.flatMap((program) => [program.file, ...program.links.map((link) => link.at)]),
    ...(facts.gate?.stubs ?? []).map(({ folder }) => `${folder}/name`),
  ]);
  return [
    { do: 'dir', at: root, mode: '0755' },
    { do: 'tmpfs', at: root, flags: ['nosuid', 'nodev'], data: 'size=4m,mode=755' },
    ...[
      '/usr',
      '/usr/bin',
      '/usr/local',
      '/usr/local/bin',
      '/etc',
      '/etc/bulkhead',
      '/dev',
      '/proc',
      '/run',
      '/var',
    ].map((at) => folder(at)),
    ...parents.map((at) => folder(at)),
    ...['bin', 'sbin', 'lib', 'lib64'].map((name): Order => ({ do: 'link', to: `usr/${name}`, at: `${root}/${name}` })),
    ...[...facts.libraries, ...facts.trees].map((tree) => bind(tree, tree, CODE)),
    ...facts.covered.map((program) => bind('/dev/null', program, READ)),
    ...[...facts.data, ...facts.files].map((path) => bind(path, path, READ)),
    ...stubOrders(facts, root),
    ...programOrders(facts, root),
    file('/etc/passwd', passwdFile(facts.uid, facts.gid)),
    file('/etc/group', groupFile(facts.gid)),
    file('/etc/hosts', hostsFile(facts.hostname)),
    file('/etc/hostname', `${facts.hostname}\n`),
    file('/etc/resolv.conf', resolverFile()),
    file('/etc/nsswitch.conf', nsswitchFile()),
    file('/etc/bulkhead/README', agentReadme(facts.agent)),
    bind(facts.anchor, '/etc/bulkhead/anchor', CODE),
    ...trustOrders(facts, root),
    ...sshOrders(facts, root),
    ...(facts.localtime === undefined
      ? []
      : [{ do: 'link', to: facts.localtime, at: `${root}/etc/localtime` } as const]),
    ...deviceOrders(facts, root),
    ...placeOrders(facts, root),
    { do: 'link', to: '../tmp', at: `${root}/var/tmp` },
    { do: 'seal', at: root, flags: facts.gate ? CODE : READ }, // of what stands on it only the stubs can be executed
  ];
}

/** Every allowed program where its name leads on the host; nothing else is in the program folders. A program whose file lies in
 *  a tree that is visible anyway needs only its links. */
function programOrders(facts: CompartmentFacts, root: string): Order[] {
  const visible = [...facts.libraries, ...facts.trees].map((tree) => `${tree}/`);
  const files = new Set(facts.programs.map((program) => program.file));
  const links = new Map(facts.programs.flatMap((program) => program.links.map((link) => [link.at, link.to])));
  const covered = (at: string): boolean => [...visible, '/etc/alternatives/'].some((tree) => at.startsWith(tree));
  const over = new Set(facts.gate?.over);
  return [
    ...[...files]
      .filter((file) => !covered(file) && !over.has(file))
      .map((file): Order => ({ do: 'bind', from: file, at: root + file, flags: CODE })),
    ...[...links].filter(([at]) => !covered(at)).map(([at, to]): Order => ({ do: 'link', to, at: root + at })),
  ];
}

/** A stub under every name that may be asked for, and over every file whose arguments decide. Links to such a file lead to its
 *  stub. */
function stubOrders({ gate, ...facts }: CompartmentFacts, root: string): Order[] {
  if (gate === undefined) return [];
  const trees = [...facts.libraries, ...facts.trees].map((tree) => `${tree}/`);
  const there = (file: string): boolean => trees.some((tree) => file.startsWith(tree));
  const linked = gate.over.filter((file) => !there(file));
  const folders = Map.groupBy(linked, (file) => file.slice(0, file.lastIndexOf('/')));
  const names = [...folders].map(([folder, files]) => ({
    folder,
    names: files.map((file) => file.slice(folder.length + 1)),
  }));
  return [
    { do: 'stub', from: gate.stub, at: root + STUB },
    ...[...gate.stubs, ...names].map(
      (some): Order => ({ do: 'stubs', of: root + STUB, folder: root + some.folder, names: some.names }),
    ),
    ...gate.over.filter(there).map((file): Order => ({ do: 'bind', from: root + STUB, at: root + file, flags: CODE })),
  ];
}

/** All folders above these paths, each before what is in it. */
function foldersAbove(paths: readonly string[]): string[] {
  const folders = new Set<string>();
  for (const path of paths) {
    const parts = path.split('/').slice(1, -1);
    for (let i = 1; i <= parts.length; i++) folders.add(`/${parts.slice(0, i).join('/')}`);
  }
  return [...folders].sort();
}
