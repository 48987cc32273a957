import { accessSync, constants, realpathSync } from 'node:fs';
import type { AgentFacts, Args } from '../../../drill/attack.ts';
import { thisTree } from '../../../host/files/tree.ts';
import { BWRAP } from '../../../host/view/compartment-facts.ts';
import type { Compartment } from '../compartments/compartment.ts';
import type { Office } from '../requests.ts';

/** What only we know of an agent that is to be drilled. */
export interface DrillFacts {
  readonly agent: AgentFacts;
  readonly state: string;
  /** Of the state, in words. */
  readonly why?: string;
  /** For `%A` (src/drill/arguments.ts); what belongs to another agent is absent where there is none. */
  readonly known: Args;
}

/** Programs that end with 0 on --version; the first that is here and was not granted is tried. */
const UNGRANTED = ['/usr/bin/perl', BWRAP, '/usr/bin/nsenter', '/usr/bin/setpriv', '/usr/sbin/nft'];

export function drillFacts(office: Office, compartment: Compartment): DrillFacts {
  const { fleet } = office;
  const { agent, programs } = compartment.facts;
  const { name, tier, exec, egress, workspace, limits, knowledge } = agent;
  const others = [...fleet.compartments.values()].filter((other) => other.facts.agent.name !== name);
  const pid = (program: string): string =>
    String(office.programs().find((one) => one.name === program && one.pid !== undefined)?.pid ?? '');
  const { places } = fleet.host;
  const granted = new Set(programs.map(({ file }) => file));
  return {
    agent: {
      ...{ name, tier, exec, egress, workspace, limits },
      knowledge: knowledge.map((entry) => entry.name),
      // One that stands comes first: it has a process that could be signalled.
      others: others.sort((a, b) => Number(b.standing) - Number(a.standing)).map((other) => other.facts.agent.name),
      rootless: compartment.facts.network.in === 'own',
    },
    state: compartment.state,
    ...(compartment.why !== undefined && { why: compartment.why }),
    known: {
      own_uid: String(compartment.facts.uid),
      state_dir: places.state,
      warden_sock: places.wardenSocket,
      ledger_sock: places.ledgerSocket,
      install_dir: thisTree().from,
      warden_pid: pid('warden'),
      ledger_pid: pid('ledger'),
      gateway_pid: pid('gateway'),
      ungranted: UNGRANTED.find((path) => isThere(path) && !granted.has(realpathSync(path))) ?? '',
      ...ofAnother(others[0]),
    },
  };
}

function ofAnother(other: Compartment | undefined): Args {
  if (!other) return {};
  const { uid, home, workspace } = other.facts;
  const places = { other_uid: String(uid), other_home: home, other_workspace: workspace.path };
  return other.firstPid === undefined ? places : { ...places, other_pid: String(other.firstPid) };
}

function isThere(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
