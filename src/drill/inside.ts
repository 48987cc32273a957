import type { AgentFacts, Args } from './attack.ts';

/** The part of `%A` that follows from what an agent is: its places as it sees them, and its limits (arguments.ts has the words).
 *  Paths and process ids of the host come from whoever knows them. */
export function insideArgs(agent: AgentFacts): Args {
  const { limits, exec, knowledge, others } = agent;
  const writable = ['/workspace', '/home/agent', '/tmp', '/dev/shm'];
  return {
    workspace: '/workspace',
    home: '/home/agent',
    write_dirs: writable.join(':'),
    noexec_dirs: writable.filter((path) => exec.own === 'never' || path !== '/workspace').join(':'),
    size_limit: String(Math.max(limits.disk, limits.memory)),
    process_limit: String(limits.processes),
    memory_limit: String(limits.memory),
    cpu_limit: String(limits.cpu),
    knowledge: knowledge.join(':'),
    other_agent: others[0] ?? '',
  };
}
