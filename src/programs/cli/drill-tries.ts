import type { AccessTest, AgentFacts, Args, Attack, Beside } from '../../drill/attack.ts';
import { RECORD } from '../../drill/credentials/records.ts';
import { PRELUDE } from '../../drill/prelude.ts';
import { heldBy, notWithoutRoot, provesNothing } from '../../drill/rootless.ts';
import { notInTierUser } from '../../drill/tier-user.ts';
import {
  type AttackResult,
  controlFails,
  judgeAttack,
  notFor,
  type Observation,
  type Outcome,
  said,
  unrecorded,
  whatBothSaw,
} from '../../drill/verdict.ts';
import type { Compartments, Stage } from './drill.ts';

/** One attack: where its wall is absent, and inside. */

type Proven = (attack: Attack, apart?: Args) => Promise<string | undefined>;
type Run = (one: Attack | AccessTest, apart?: Args) => Promise<Observation>;

const DEFAULT_SECONDS = 10;
/** So many attempts in a row without a record, and the record is not waited for as long. */
const FEW = 3;

export function described(attack: Attack, facts: AgentFacts): Omit<AttackResult, 'result'> {
  const { id, line, tries, wall } = attack;
  return { id, line, agent: facts.name, tier: facts.tier, control: heldBy(attack, facts), tries, wall };
}

export async function attackOnce(
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
export async function allAtOnce(
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
  const after = { ...(await stage.watches()), ...(await kept(attack, stage, 'outside')) };
  return controlFails(attack, { outcome, before, after });
}

/** What is written down beyond a rate, or once in a while, is there by then. */
const WRITTEN_MS = 1500;

/** The key is made for this drill, so nothing can have held it before. */
async function kept(
  { watch = [] }: Pick<Attack, 'watch'>,
  stage: Stage,
  where: 'inside' | 'outside',
): Promise<Record<string, number>> {
  if (!watch.includes(RECORD)) return {};
  await new Promise((resolve) => setTimeout(resolve, WRITTEN_MS));
  return { [RECORD]: await stage.recorded(where) };
}

/** Runs one text inside and gathers what was seen around it, waiting for the record as long as it may take. */
export function observer(
  compartments: Compartments,
  stage: Stage,
  facts: AgentFacts,
  given: Args,
  recordMs: number,
): Run {
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
        return { ...seen, after: { ...seen.after, ...(await kept(one, stage, 'inside')) }, entries };
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
}
