import type { AccessTest, AgentFacts, Args, Attack, Beside, Family, Positive } from '../../drill/attack.ts';
import { PRELUDE } from '../../drill/prelude.ts';
import { heldBy, notWithoutRoot, provesNothing } from '../../drill/rootless.ts';
import { notInTierUser } from '../../drill/tier-user.ts';
import {
  type AccessResult,
  type AttackResult,
  type Counters,
  controlFails,
  type DrillDocument,
  judgeAccess,
  judgeAttack,
  type LedgerEntry,
  notFor,
  type Observation,
  type Outcome,
  said,
  unrecorded,
  whatBothSaw,
} from '../../drill/verdict.ts';
import type { Lease } from '../../model/lent-key.ts';

/** The compartments, from the operator's side; the warden answers (`drill.facts`, `drill.begin`, `drill.script`, `drill.end`). */
export interface Compartments {
  facts(agent: string): Promise<AgentFacts>;
  /** Why nothing can be tried in it: nothing of it runs. Not applicable when a person wanted that, an error otherwise. */
  absent?(agent: string): Promise<Absent | undefined>;
  /** Runs a text, prelude and all, in the compartment, as the agent. */
  script(agent: string, script: Script): Promise<Outcome>;
  /** Lends rules and keys for the drill's own targets until `release` is called or the connection ends.
   *  @param beside  the agent that is drilled, when this is not for it */
  lease(agent: string, lease: Lease, beside?: string): Promise<Release>;
  /** How many entries the ledger has now. */
  ledgerSize(): Promise<number>;
  /** The agent's entries from that index on. */
  ledgerSince(index: number, agent: string): Promise<readonly LedgerEntry[]>;
}

/** @param attacks  what was found, for the record */
export type Release = (attacks?: readonly AttackResult[]) => Promise<void>;

export interface Absent {
  readonly result: 'not-applicable' | 'error';
  readonly why: string;
}

export interface Script {
  /** Of the attack or access test. */
  readonly id: string;
  readonly text: string;
  readonly args: Args;
  readonly timeoutMs: number;
}

/** What is attacked: src/host/arena.ts for the network, others for files and processes. Several are used as one. */
export interface Stage {
  /** `%A` inside the compartment of this agent. */
  inside(agent: AgentFacts): Args | Promise<Args>;
  /** `%A` of a positive control, where it differs. */
  outside(where: Positive): Args | Promise<Args>;
  watches(): Promise<Counters>;
  control(where: Positive, text: string, timeoutMs: number, args: Args): Promise<Outcome>;
  /** What the drilled agent is lent; rules without their terms, which are not the asker's to say. */
  readonly lease: Lease;
  readonly otherLease: Lease;
}

export interface DrillOptions {
  readonly agents: readonly string[];
  readonly families: readonly Family[];
  readonly access: readonly AccessTest[];
  readonly onResult?: (result: AttackResult | AccessResult) => void;
  /** How long the ledger may take to have an attempt: refusals beyond a rate are written once a second. */
  readonly recordMs?: number;
}

type Proven = (attack: Attack, apart?: Args) => Promise<string | undefined>;
type Run = (one: Attack | AccessTest, apart?: Args) => Promise<Observation>;

const DEFAULT_SECONDS = 10;
/** So many attempts in a row without a record, and the record is not waited for as long. */
const FEW = 3;

/** Every attack and access test against every agent, one at a time. Each attack first where its wall is absent: if it does not
 *  succeed there it proves nothing, and says so. */
export async function runDrill(
  compartments: Compartments,
  stage: Stage,
  options: DrillOptions,
): Promise<DrillDocument> {
  const attacks: AttackResult[] = [];
  const access: AccessResult[] = [];
  const controls = new Map<string, string | undefined>();
  const tell = <T extends AttackResult | AccessResult>(list: T[], result: T): void => {
    list.push(result);
    options.onResult?.(result);
  };
  const proven = async (attack: Attack, apart: Args = {}): Promise<string | undefined> => {
    if (!controls.has(attack.id)) controls.set(attack.id, await proveAttack(attack, stage, apart));
    return controls.get(attack.id);
  };
  for (const name of options.agents) {
    const facts = await compartments.facts(name);
    const absent = await compartments.absent?.(name);
    if (absent) {
      for (const attack of options.families.flatMap((family) => family.attacks))
        tell(attacks, { ...described(attack, facts), ...absent });
      for (const one of options.access) tell(access, { id: one.id, agent: name, tries: one.tries, ...absent });
      continue;
    }
    const releases: Release[] = [];
    try {
      releases.push(await compartments.lease(name, stage.lease));
      const [other] = facts.others;
      if (other !== undefined) releases.push(await compartments.lease(other, stage.otherLease, name));
      const args = await stage.inside(facts);
      const run = observer(compartments, stage, facts, args, options.recordMs ?? 3000);
      const waited = await allAtOnce(
        options.families.flatMap((family) => family.attacks.filter(({ waits }) => waits)),
        facts,
        args,
        { proven, run },
      );
      for (const family of options.families) {
        for (const attack of family.attacks) {
          const early = waited.get(attack.id);
          const both = { proof: () => proven(attack), run: () => run(attack) };
          tell(attacks, early ?? (await attackOnce(attack, facts, both)));
        }
        for (const { id, line, why, step } of family.notApplicable) {
          const none: AttackResult = {
            id,
            line,
            agent: name,
            tier: facts.tier,
            result: 'not-applicable',
            control: '',
            why,
          };
          tell(attacks, step === undefined ? none : { ...none, step });
        }
      }
      for (const test of options.access) {
        const why = notFor(test, facts) ?? notWithoutRoot(test, facts);
        if (why !== undefined)
          tell(access, { id: test.id, agent: name, tries: test.tries, result: 'not-applicable', why });
        else tell(access, judgeAccess(test, name, await run(test)));
      }
    } finally {
      for (const release of releases.reverse()) await release(attacks.filter(({ agent }) => agent === name));
    }
  }
  return { attacks, access };
}

function described(attack: Attack, facts: AgentFacts): Omit<AttackResult, 'result'> {
  const { id, line, tries, wall } = attack;
  return { id, line, agent: facts.name, tier: facts.tier, control: heldBy(attack, facts), tries, wall };
}

async function attackOnce(
  attack: Attack,
  facts: AgentFacts,
  { proof, run }: { readonly proof: () => Promise<string | undefined>; readonly run: () => Promise<Observation> },
): Promise<AttackResult> {
  const one = described(attack, facts);
  const why = whyNotTried(attack, facts);
  if (why !== undefined) return { ...one, result: 'not-applicable', why };
  const flaw = await proof();
  const unproven = flaw === undefined ? undefined : provesNothing(attack, facts, flaw);
  if (unproven !== undefined) return { ...one, result: 'not-applicable', why: unproven };
  if (flaw !== undefined) return { ...one, result: 'error', why: flaw };
  return { ...judgeAttack(attack, facts.name, await run()), control: one.control, tier: facts.tier };
}

function whyNotTried(attack: Attack, facts: AgentFacts): string | undefined {
  return notInTierUser(attack, facts) ?? notFor(attack, facts) ?? notWithoutRoot(attack, facts);
}

/** Those that spend their time waiting, and their controls too, so many at a time as the agent may have processes for; each pair that is
 *  to meet has a port of its own. */
async function allAtOnce(
  attacks: readonly Attack[],
  facts: AgentFacts,
  args: Args,
  { proven, run }: { readonly proven: Proven; readonly run: Run },
): Promise<Map<string, AttackResult>> {
  const tried = attacks.filter((attack) => whyNotTried(attack, facts) === undefined);
  const meeting = (at: number): Args =>
    args.meet_port === undefined ? {} : { meet_port: String(Number(args.meet_port) + at) };
  const most = Math.max(1, Math.floor(facts.limits.processes / 6));
  const results = new Map<string, AttackResult>();
  for (let from = 0; from < tried.length; from += most) {
    const some = tried.slice(from, from + most).map(async (attack, i) => {
      const at = 2 * (from + i);
      const [proof, seen] = await Promise.all([proven(attack, meeting(at)), run(attack, meeting(at + 1))]);
      const both = { proof: async () => proof, run: async () => seen };
      results.set(attack.id, await attackOnce(attack, facts, both));
    });
    await Promise.all(some);
  }
  return results;
}

/** @param apart  instead of what others have in `%A`
 *  @returns why the attack proves nothing on this machine */
export async function proveAttack(attack: Attack, stage: Stage, apart: Args = {}): Promise<string | undefined> {
  const before = await stage.watches();
  const args = { ...(await stage.outside(attack.positive)), ...apart };
  const timeoutMs = (attack.seconds ?? DEFAULT_SECONDS) * 1000;
  const { beside } = attack;
  const who = beside?.who === 'other' ? 'host-user' : beside?.who;
  const [own, other] = await Promise.all([
    stage.control(attack.positive, attack.program, timeoutMs, args),
    beside && who
      ? stage.control(who, beside.program, timeoutMs, { ...(await stage.outside(who)), ...apart })
      : undefined,
  ]);
  const outcome = other ? whatBothSaw(own, other) : own;
  return controlFails(attack, { outcome, before, after: await stage.watches() });
}

/** Runs one text inside and gathers what was seen around it, waiting for the record as long as it may take. */
function observer(compartments: Compartments, stage: Stage, facts: AgentFacts, given: Args, recordMs: number): Run {
  let missed = 0;
  return async (one, apart = {}) => {
    const args = { ...given, ...apart };
    const evidence = one.evidence ?? [];
    const since = evidence.length > 0 ? await compartments.ledgerSize() : 0;
    const before = await stage.watches();
    const timeoutMs = (one.seconds ?? DEFAULT_SECONDS) * 1000;
    const script = (agent: string, program: string): Promise<Outcome> =>
      compartments.script(agent, { id: one.id, text: PRELUDE + program, args, timeoutMs });
    const meanwhile = async ({ who, program }: Beside): Promise<Outcome> =>
      who === 'other'
        ? script(facts.others[0] ?? '', program)
        : stage.control(who, program, timeoutMs, { ...(await stage.outside(who)), ...args });
    const beside = 'beside' in one ? one.beside : undefined;
    const [own, other] = await Promise.all([script(facts.name, one.program), beside && meanwhile(beside)]);
    const outcome = other ? whatBothSaw(own, other) : own;
    const seen = { outcome, before, after: await stage.watches(), args };
    // Only what would be held, or ok, hangs on the record.
    const good = 'control' in one ? 'refused' : 'done';
    if (evidence.length === 0 || said(outcome).word !== good) return { ...seen, entries: [] };
    // Where nothing at all arrives in the record, waiting for each attempt would take hours.
    const until = Date.now() + (missed < FEW ? recordMs : recordMs / 10);
    for (;;) {
      const entries = await compartments.ledgerSince(since, facts.name);
      const there = unrecorded(evidence, { entries, args }) === undefined;
      if (there || Date.now() > until) {
        missed = there ? 0 : missed + 1;
        return { ...seen, entries };
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
}
