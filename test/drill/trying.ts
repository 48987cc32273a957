import type { AgentFacts, Args, Attack } from '../../src/drill/attack.ts';
import { CONTROL_PLANE_FAMILY } from '../../src/drill/control-plane/family.ts';
import { CREDENTIALS_FAMILY } from '../../src/drill/credentials/family.ts';
import { FILES_FAMILY } from '../../src/drill/files/family.ts';
import { ownPlaces } from '../../src/drill/places.ts';
import { PRELUDE } from '../../src/drill/prelude.ts';
import { PROCESSES_FAMILY } from '../../src/drill/processes/family.ts';
import { notFor, type Said, said } from '../../src/drill/verdict.ts';
import type { NextDoor } from '../../src/host/arena/next-door.ts';
import type { Standing } from './standing.ts';

/** Every attack but those on the network. */
export const ATTACKS: readonly Attack[] = [
  ...FILES_FAMILY.attacks,
  ...PROCESSES_FAMILY.attacks,
  ...CONTROL_PLANE_FAMILY.attacks,
  ...CREDENTIALS_FAMILY.attacks.filter(({ positive }) => positive !== 'open-net'),
];

/** Tries attacks in compartments that stand without the other programs: this process stands for those. */
export interface Trying {
  args(agent: string): Promise<Args>;
  inside(agent: string, attack: Attack, more?: Args): Promise<Said>;
  /** What an agent's tier and grants make an attack and is not refused, in words. */
  notHeld(agent: string, which?: (attack: Attack) => boolean): Promise<string[]>;
}

export function trying(standing: Standing, door: NextDoor): Trying {
  const known = new Map<string, Args>();
  const look = async (agent: string): Promise<Args> => {
    const facts: AgentFacts = standing.facts(agent);
    const other = standing.compartments.get(facts.others[0] ?? '');
    const { state } = standing;
    const uid = standing.compartments.get(agent)?.facts.uid ?? 0;
    return {
      ...door.args,
      state_dir: state,
      warden_sock: `${state}/run/warden.sock`,
      ledger_sock: `${state}/run/ledger/ledger.sock`,
      install_dir: process.cwd(),
      warden_pid: String(process.pid),
      ledger_pid: String(process.pid),
      gateway_pid: String(process.pid),
      own_uid: String(uid),
      own_pid: await door.ofUid(uid),
      other_home: other?.facts.home ?? '',
      other_workspace: other?.facts.workspace.path ?? '',
      other_uid: String(other?.facts.uid),
      other_pid: String(other?.firstPid),
      ungranted: '/usr/bin/perl',
      ...ownPlaces(facts),
    };
  };
  const args = async (agent: string): Promise<Args> => {
    const found = known.get(agent) ?? (await look(agent));
    known.set(agent, found);
    return found;
  };
  const inside = async (agent: string, attack: Attack, more: Args = {}): Promise<Said> =>
    said(
      await standing.script(
        agent,
        PRELUDE + attack.program,
        { ...(await args(agent)), ...more },
        (attack.seconds ?? 10) * 1000,
      ),
    );
  return {
    args,
    inside,
    notHeld: async (agent, which = () => true) => {
      const facts = standing.facts(agent);
      const wrong: string[] = [];
      for (const attack of ATTACKS.filter((one) => which(one) && notFor(one, facts) === undefined)) {
        const { word, text } = await inside(agent, attack);
        if (word !== 'refused') wrong.push(`${attack.id}: ${word} ${text}`);
      }
      return wrong;
    },
  };
}
