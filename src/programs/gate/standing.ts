import { type CommandPolicy, commandPolicy } from '../../policy/command/judge.ts';
import type { AgentPolicy } from '../../wire/gate-policy.ts';

/** What an agent is judged by. */
export interface Standing {
  readonly commands: CommandPolicy;
  readonly there: ReadonlySet<string>;
  readonly stubs: AgentPolicy['stubs'];
  /** What it made itself waits for a person. */
  readonly own: boolean;
  /** Tier `user`: trees in which everything may start. */
  readonly trees: readonly string[] | undefined;
}

export function standing({ exec, allowed, names, stubs, host }: AgentPolicy): Standing {
  return {
    commands: commandPolicy(exec, allowed),
    there: new Set(names),
    stubs,
    own: exec.own === 'ask',
    trees: host?.trees,
  };
}
