import type {
  Broken,
  BudgetNote,
  MapDocument,
  MissingSecret,
  SshKeyEntry,
  StatusDocument,
} from '../../model/documents.ts';
import type { AgentName } from '../../model/names.ts';
import { elevatedText } from '../../policy/elevated/text.ts';
import { blastRadius } from '../../policy/map.ts';
import { budgetNotesOf } from '../../policy/meter/notes.ts';
import { approvalEntry } from './inbox/approvals.ts';
import type { Budgets } from './inbox/budgets.ts';
import { soon } from './programs/soon.ts';
import type { Office } from './requests.ts';
import { secretsAtLarge } from './secrets/secret-states.ts';
import { sshKeysOf } from './secrets/ssh-keys.ts';

export async function statusDocument(office: Office): Promise<StatusDocument> {
  const { fleet, rounds } = office;
  const link = office.gateway();
  const hangs = link !== undefined && !(await soon(link.ready()).then(...YES_NO));
  const none = { missing: new Map<string, MissingSecret[]>(), findings: [] };
  // One that is away or hangs is not asked, or does not answer: its own line says what is wrong.
  const spending = hangs ? new Map<string, BudgetNote[]>() : await budgetNotes(office.budgets);
  const sshKeys = hangs ? noKeys() : await sshKeysOf(office).catch(noKeys);
  const secrets = hangs ? none : await secretsAtLarge(fleet, link).catch(() => none);
  return {
    fleet: fleet.wanted?.fleet ?? '',
    agents: (fleet.wanted?.agents ?? []).map((agent) => {
      const compartment = fleet.compartments.get(agent.name);
      const walls = rounds.wallsOf(agent.name);
      const health = rounds.healthOf(agent.name);
      const missing = secrets.missing.get(agent.name) ?? [];
      const budget = spending.get(agent.name) ?? [];
      const ssh = sshKeys.get(agent.name);
      if (!compartment) return { name: agent.name, state: 'down', tier: agent.tier, walls };
      return {
        name: agent.name,
        state: compartment.state,
        tier: agent.tier,
        since: compartment.since.toISOString(),
        restarts: compartment.restarts,
        ...(compartment.firstPid === undefined ? {} : { pid: compartment.firstPid }),
        ...(compartment.why === undefined ? {} : { why: compartment.why }),
        walls,
        ...(agent.elevated && {
          outside: { may: agent.elevated.map(elevatedText), running: office.outside(agent.name) },
        }),
        ...(health && { health }),
        ...(missing.length > 0 && { missing }),
        ...(budget.length > 0 && { budget }),
        ...(ssh && { ssh }),
      };
    }),
    programs: office
      .programs()
      .map((one) =>
        hangs && one.name === 'gateway' && one.state === 'running' ? { ...one, state: 'not answering' } : one,
      ),
    waiting: office.inbox.waiting().map(approvalEntry),
    ...(secrets.findings.length > 0 && { findings: secrets.findings }),
    ...brokenInbox(office),
  };
}

const YES_NO = [() => true, () => false] as const;
const noKeys = (): Map<string, SshKeyEntry[]> => new Map();

/** A gateway that is away has its own line. */
async function budgetNotes(budgets: Budgets): Promise<Map<string, readonly BudgetNote[]>> {
  try {
    const { usage } = await soon(budgets.usage());
    return new Map(usage.map((one) => [one.agent, budgetNotesOf(one)]));
  } catch {
    return new Map();
  }
}

/** Its files go out of the way together: a new database beside the log of an old one would be given what is in that. */
function brokenInbox({ inbox, fleet }: Office): { broken?: readonly Broken[] } {
  if (inbox.broken === undefined) return {};
  const what =
    `The inbox cannot be used (${inbox.broken}): nothing can be asked, approved or denied. ` +
    'With a new one, what was approved before is asked again';
  return { broken: [{ what, mend: `mv -t /var/tmp ${fleet.host.places.inbox}* && bulkhead down && bulkhead up` }] };
}

export function mapDocument(office: Office, name: AgentName | undefined): MapDocument {
  if (name !== undefined) office.fleet.compartment(name);
  const agents = (office.fleet.wanted?.agents ?? []).filter((agent) => name === undefined || agent.name === name);
  return {
    agents: agents.map((agent) => {
      const programs = office.fleet.compartments.get(agent.name)?.facts.programs.map(({ file }) => file);
      const approved = office.fleet.granted().get(agent.name) ?? [];
      return blastRadius(agent, office.rounds.wallsOf(agent.name), Date.now(), programs, approved);
    }),
  };
}
