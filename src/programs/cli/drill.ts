import type { AccessTest, AgentFacts, Args, Attack, Family, Positive } from '../../drill/attack.ts';
import { notWithoutRoot } from '../../drill/rootless.ts';
import {
  type AccessResult,
  type AttackResult,
  type Counters,
  type DrillDocument,
  judgeAccess,
  type LedgerEntry,
  notFor,
  type Outcome,
} from '../../drill/verdict.ts';
import type { Lease } from '../../model/lent-key.ts';
import { allAtOnce, attackOnce, described, observer, proveAttack } from './drill-tries.ts';

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
  /** How many files have the lent key in them: of what the product keeps, or of what the proxy without policy wrote down. */
  recorded(where: 'inside' | 'outside'): Promise<number>;
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
