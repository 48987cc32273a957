import { Failure } from '../../model/failure.ts';
import type { WantedAgent } from '../../model/fleet.ts';
import { EXEC_SETS } from '../../policy/exec-sets.ts';
import type { CompartmentFacts } from '../../tiers/facts.ts';
import { findProgram } from './programs.ts';

/** Where every program of the host can be started, those that are denied are covered. */
export function deniedPrograms({ exec }: WantedAgent): string[] {
  const found = exec.deny.flatMap((name) => findProgram(name)?.file ?? []);
  return [...new Set(found)].filter((file) => !isCovered(file));
}

/** Programs of sets that this host does not have are simply absent; one that is asked for by name must be there.
 *  @throws Failure `no-such-program`, `program-covered` */
export function allowedPrograms(agent: WantedAgent): CompartmentFacts['programs'] {
  // What a denied name leads to is denied under every name.
  const denied = new Set(agent.exec.deny.flatMap((name) => [name, findProgram(name)?.file ?? name]));
  const ofSets = agent.exec.sets.flatMap((name) => EXEC_SETS[name].programs).map((name) => findProgram(name));
  const byName = agent.exec.allow.map((name) => {
    const found = findProgram(name);
    if (found && !isCovered(found.file)) return found;
    if (found)
      throw new Failure(
        'program-covered',
        `agents.${agent.name}.exec.allow names ${found.file}, which no compartment shows: it has folders of its own there.`,
        'Put the program where programs are, for example /usr/local/bin, or in a folder of its own under /opt.',
      );
    throw new Failure(
      'no-such-program',
      `agents.${agent.name}.exec.allow names ${JSON.stringify(name)}, which is not on this machine.`,
      'Install it, or take it out of the list.',
    );
  });
  const found = [...ofSets, ...byName].filter((program) => program !== undefined);
  const unique = new Map(found.map((program) => [program.name, program]));
  return [...unique.values()].filter((program) => !denied.has(program.name) && !denied.has(program.file));
}

/** Places of the host that a compartment has its own of, or that hold what is nobody's business. */
function isCovered(file: string): boolean {
  return /^\/(tmp|var\/tmp|home|root|workspace|knowledge|shared|dev|proc|sys|run|etc)\//.test(file);
}
