import { spawnSync } from 'node:child_process';
import { Failure } from '../../model/failure.ts';
import type { WantedFleet } from '../../model/fleet.ts';
import { unixUserName } from '../../model/unix-names.ts';
import { sudoersText } from '../../policy/elevated/sudoers.ts';
import type { ElevatedProgram } from '../../tiers/facts.ts';
import { findProgram } from '../view/programs.ts';
import { elevatedPrograms } from './elevated-programs.ts';

/** The sudoers file of a fleet, as `plan --sudoers` prints it and `sudoers: true` installs it.
 *  @throws Failure where sudo would not take it: a broken file there takes sudo away from everybody */
export function sudoersOf(
  fleet: WantedFleet,
  programs: (agent: string) => readonly ElevatedProgram[] | undefined = () => undefined,
): ReturnType<typeof sudoersText> {
  const agents = fleet.agents.flatMap((agent) =>
    agent.elevated
      ? {
          name: agent.name,
          user: unixUserName(fleet.fleet, agent.name),
          rules: agent.elevated,
          programs: programs(agent.name) ?? elevatedPrograms(agent, undefined),
        }
      : [],
  );
  return sudoersText(fleet.fleet, agents);
}

/** @throws Failure when sudo's own checker is not there, or does not accept it */
export function mustBeSudoers(text: string): void {
  const visudo = findProgram('visudo');
  if (!visudo)
    throw new Failure(
      'no-sudo',
      'sudoers: true asks for a policy of sudo, which is not on this machine.',
      'Install sudo, or take the key out: bulkhead-do needs none.',
      3,
    );
  const { status, stdout, stderr } = spawnSync(visudo.file, ['-c', '-f', '-'], {
    input: text,
    encoding: 'utf8',
    env: {},
  });
  if (status === 0) return;
  const said = `${stderr}${stdout}`.trim().split('\n')[0];
  throw new Failure(
    'bad-sudoers',
    `visudo does not accept what the file means: ${said}`,
    'See: bulkhead plan --sudoers',
    3,
  );
}
