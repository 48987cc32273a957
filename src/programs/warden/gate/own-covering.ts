import type { CompartmentFacts } from '../../../tiers/facts.ts';
import { loaded } from '../../../tiers/user-gate.ts';
import type { Wanted } from './own-covers.ts';

/** Nothing in there is a program of the host's. */
const NO_PROGRAMS = /^\/(?:workspace|home|tmp|var\/tmp|shared|knowledge|dev|proc|sys|run|etc\/bulkhead)\//;

/** What is to become of files that an agent executes by a path that says nothing. */
export function wantedOf(facts: CompartmentFacts | undefined): Wanted {
  const gate = facts?.gate;
  if (facts === undefined || gate === undefined) return () => 'leave';
  const { agent, network, programs, trees } = facts;
  const allowed = new Set(programs.flatMap(({ file, links }) => [file, ...links.map(({ at }) => at)]));
  const host = network.in === 'host' ? network.system : undefined;
  return (name, made) => {
    if (made) return agent.exec.own === 'ask' ? 'cover' : 'leave';
    if (allowed.has(name) || name in gate.behind || trees.some((tree) => name.startsWith(`${tree}/`))) return 'allowed';
    if (host === undefined) return 'leave';
    if (loaded(host, name)) return 'allowed';
    return agent.exec.ask === 'never' || NO_PROGRAMS.test(name) ? 'leave' : 'cover';
  };
}
