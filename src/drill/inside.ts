import { MASKED } from '../tiers/masks.ts';
import type { AgentFacts, Args } from './attack.ts';

/** The private /tmp, the largest mount that is no part of limits.disk (it counts against limits.memory as it fills). */
const TMP_BYTES = 512 * 1024 * 1024;

/** The part of `%A` that follows from what an agent is: its places as it sees them, its limits, its knowledge, its neighbour
 *  (arguments.ts has the words). Paths and process ids of the host come from whoever knows them. */
export function insideArgs(agent: AgentFacts): Args {
  const { limits, exec, knowledge, others } = agent;
  const own = ['/home/agent', '/tmp', '/dev/shm'];
  const writable = ['/workspace', ...own];
  // A folder of the operator's lies on the operator's disk: it has no size of its own.
  const sized = agent.workspace.kind === 'own' ? writable : own;
  return {
    workspace: '/workspace',
    home: '/home/agent',
    write_dirs: writable.join(':'),
    sized_dirs: sized.join(':'),
    noexec_dirs: (exec.own === 'never' ? writable : own).join(':'),
    size_limit: String(Math.max(limits.disk, TMP_BYTES)),
    process_limit: String(limits.processes),
    memory_limit: String(limits.memory),
    cpu_limit: String(limits.cpu),
    masked: MASKED.join(':'),
    knowledge: knowledge.join(':'),
    other_agent: others[0] ?? '',
  };
}
