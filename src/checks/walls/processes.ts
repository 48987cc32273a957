import { type Confinement, fullUnless, held, type Judge, none, one, type ProbeFacts } from './facts.ts';

const SPACES = ['pid', 'mnt', 'net', 'ipc', 'uts', 'user', 'cgroup'] as const;

/** Namespaces of its own, nobody of the host in sight, and no process in there that is less confined than the agent. */
export const processes: Judge = (facts, expected) => {
  const { hostNamespaces, agentNamespaces, processes: all } = facts.outside;
  const shared = SPACES.filter((kind) => one(facts, `ns.${kind}`) === hostNamespaces[kind]);
  if (shared.includes('mnt')) return none('it is in the mount namespace of the host');
  if (shared.includes('pid') && !expected.onHost) return none('it is in the process namespace of the host');
  const elsewhere = SPACES.filter((kind) => one(facts, `ns.${kind}`) !== agentNamespaces[kind]);
  const weaker = all.filter((process) => isWeaker(process, expected.uid));
  const seen = (one(facts, 'others') ?? 'unknown').split(' ').filter((pid) => pid !== '');
  return fullUnless([
    shared.length > 0 &&
      `shared with the host: ${shared.join(', ')}${expected.onHost ? '; there its uid alone keeps it apart' : ''}`,
    ...(expected.onHost ? onHost(facts) : []),
    elsewhere.length > 0 && `the probe was not where the agent is: ${elsewhere.join(', ')}`,
    one(facts, 'self.NoNewPrivs') !== '1' && 'no_new_privs is off',
    ['CapEff', 'CapPrm', 'CapBnd', 'CapAmb', 'CapInh'].some((set) => !/^0+$/.test(one(facts, `self.${set}`) ?? 'x')) &&
      'it has capabilities',
    weaker.length > 0 &&
      `less confined than the agent: ${weaker.map(({ name, pid }) => `${name} (${pid})`).join(', ')}`,
    all.length === 0 && 'no process of it could be looked at',
    seen.length > 0 && 'it sees processes of the host',
    one(facts, 'call.unshare-user') !== '1' && 'it can make a user namespace',
    one(facts, 'call.ptrace') !== '1' && 'it can trace processes',
  ]);
};

/** What another user stands for, where a namespace does not. Landlock's scopes are one of several walls before signals (each agent has
 *  a uid of its own), and the only one before abstract sockets. */
function onHost(facts: ProbeFacts): (string | false)[] {
  return [
    !held(facts, 'try.abstract') && 'it reaches abstract Unix sockets of the host (Landlock scopes: Linux 6.12)',
    !held(facts, 'try.signal') && 'its commands can signal the process that holds its compartment',
  ];
}

function isWeaker(process: Confinement, uid: number): boolean {
  return (
    process.uid !== uid ||
    !/^0+$/.test(process.capabilities) ||
    !/^0+$/.test(process.bounding) ||
    !process.noNewPrivs ||
    process.seccomp !== 2 ||
    process.filters < 1
  );
}
