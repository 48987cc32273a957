import type { Tier } from '../model/fleet.ts';
import type { AgentFacts } from './attack.ts';

export const EVERY_TIER: readonly Tier[] = ['user', 'sandbox', 'container', 'vm'];
/** Tiers with a mount and a pid namespace and a filter of their own. */
export const BOXES: readonly Tier[] = ['sandbox', 'container', 'vm'];

export function onlyShared(agent: AgentFacts): string | undefined {
  return agent.workspace.kind === 'shared' ? undefined : 'its workspace is its own: no tool of the operator obeys it';
}
