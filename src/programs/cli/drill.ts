import type { AccessTest, AgentFacts, Args, Attack, Family, Positive } from '../../drill/attack.ts';
import { PRELUDE } from '../../drill/prelude.ts';
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
} from '../../drill/verdict.ts';
import type { EgressRule } from '../../model/fleet.ts';

/** The compartments, from the operator's side; the warden answers (`drill.begin`, `drill.script`, `drill.end`). */
export interface Compartments {
  facts(agent: string): Promise<AgentFacts>;
  /** Runs a text, prelude and all, in the compartment, as the agent. */
  script(agent: string, text: string, args: Args, timeoutMs: number): Promise<Outcome>;
  /** Adds rules for the drill's own targets until `release` is called or the connection ends. */
  lease(agent: string, rules: readonly EgressRule[]): Promise<() => Promise<void>>;
  /** How many entries the ledger has now. */
  ledgerSize(): Promise<number>;
  /** The agent's entries from that index on. */
  ledgerSince(index: number, agent: string): Promise<readonly LedgerEntry[]>;
}

/** What is attacked: src/host/arena.ts for the network, others for files and processes. Several are used as one. */
export interface Stage {
  /** `%A` inside the compartment of this agent. */
  inside(agent: AgentFacts): Args | Promise<Args>;
  /** `%A` of a positive control, where it differs. */
  outside(where: Positive): Args | Promise<Args>;
  watches(): Promise<Counters>;
  control(where: Positive, text: string, timeoutMs: number, args: Args): Promise<Outcome>;
  readonly rules: readonly EgressRule[];
  readonly otherRules: readonly EgressRule[];
}

export interface DrillOptions {
  readonly agents: readonly string[];
  readonly families: readonly Family[];
  readonly access: readonly AccessTest[];
  readonly onResult?: (result: AttackResult | AccessResult) => void;
  /** How long the ledger may take to have an attempt: refusals beyond a rate are written once a second. */
  readonly recordMs?: number;
}

const DEFAULT_SECONDS = 10;

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
  const proven = async (attack: Attack): Promise<string | undefined> => {
    if (!controls.has(attack.id)) controls.set(attack.id, await proveAttack(attack, stage));
    return controls.get(attack.id);
  };
  for (const name of options.agents) {
    const facts = await compartments.facts(name);
    const releases = [await compartments.lease(name, stage.rules)];
    try {
      const [other] = facts.others;
      if (other !== undefined) releases.push(await compartments.lease(other, stage.otherRules));
      const run = observer(compartments, stage, facts, await stage.inside(facts), options.recordMs ?? 3000);
      for (const family of options.families) {
        for (const attack of family.attacks)
          tell(
            attacks,
            await attackOnce(
              attack,
              facts,
              () => proven(attack),
              () => run(attack),
            ),
          );
        for (const { id, line, why, step } of family.notApplicable) {
          const none: AttackResult = { id, line, agent: name, result: 'not-applicable', control: '', why };
          tell(attacks, step === undefined ? none : { ...none, step });
        }
      }
      for (const test of options.access) {
        const why = notFor(test, facts);
        if (why !== undefined)
          tell(access, { id: test.id, agent: name, tries: test.tries, result: 'not-applicable', why });
        else tell(access, judgeAccess(test, name, await run(test)));
      }
    } finally {
      for (const release of releases.reverse()) await release();
    }
  }
  return { attacks, access };
}

async function attackOnce(
  attack: Attack,
  facts: AgentFacts,
  proof: () => Promise<string | undefined>,
  run: () => Promise<Observation>,
): Promise<AttackResult> {
  const { id, line, control, tries, wall } = attack;
  const one = { id, line, agent: facts.name, control, tries, wall };
  const why = notFor(attack, facts);
  if (why !== undefined) return { ...one, result: 'not-applicable', why };
  const flaw = await proof();
  if (flaw !== undefined) return { ...one, result: 'error', why: flaw };
  return judgeAttack(attack, facts.name, await run());
}

/** @returns why the attack proves nothing on this machine */
export async function proveAttack(attack: Attack, stage: Stage): Promise<string | undefined> {
  const before = await stage.watches();
  const args = await stage.outside(attack.positive);
  const outcome = await stage.control(
    attack.positive,
    attack.program,
    (attack.seconds ?? DEFAULT_SECONDS) * 1000,
    args,
  );
  return controlFails(attack, { outcome, before, after: await stage.watches() });
}

/** Runs one text inside and gathers what was seen around it, waiting for the record as long as it may take. */
function observer(
  compartments: Compartments,
  stage: Stage,
  facts: AgentFacts,
  args: Args,
  recordMs: number,
): (one: Attack | AccessTest) => Promise<Observation> {
  return async (one) => {
    const since = await compartments.ledgerSize();
    const before = await stage.watches();
    const outcome = await compartments.script(
      facts.name,
      PRELUDE + one.program,
      args,
      (one.seconds ?? DEFAULT_SECONDS) * 1000,
    );
    const after = await stage.watches();
    // Only what would be held, or ok, hangs on the record.
    const { word } = said(outcome);
    const good = 'control' in one ? 'refused' : 'done';
    const until = Date.now() + recordMs;
    for (;;) {
      const entries = await compartments.ledgerSince(since, facts.name);
      const settled = word !== good || unrecorded(one.evidence, { entries, args }) === undefined;
      if (settled || Date.now() > until) return { outcome, before, after, entries, args };
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
}
