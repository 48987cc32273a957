import { MASKED } from '../tiers/masks.ts';
import type { AgentFacts, Args } from './attack.ts';

/** What `%A` says of the compartment itself: where an agent may write, and what it was granted. It holds for every tier that
 *  has a root of its own. The rest is the host's: next-door.ts has the neighbour, the caller knows the programs. */
export function ownPlaces(agent: AgentFacts): Args {
  const { limits } = agent;
  const own = ['/home/agent', '/tmp', '/dev/shm'];
  return {
    tier: agent.tier,
    workspace: '/workspace',
    home: '/home/agent',
    write_dirs: ['/workspace', ...own].join(':'),
    noexec_dirs: (agent.exec.own !== 'allow' ? ['/workspace', ...own] : own).join(':'),
    size_limit: String(Math.max(limits.disk, PRIVATE_TMP)),
    process_limit: String(limits.processes),
    memory_limit: String(limits.memory),
    cpu_limit: String(limits.cpu),
    masked: MASKED.join(':'),
  };
}

/** The private /tmp is no part of limits.disk; what is in it counts against limits.memory. */
const PRIVATE_TMP = 512 * 1024 * 1024;
