import type { Tier } from '../model/fleet.ts';
import type { AccessTest, AgentFacts, Args, Attack, Evidence } from './attack.ts';

/** Judging, as a pure function of what was seen. Held is the hardest word: the text was told no, no counter moved, and the
 *  ledger has the attempt. Whatever is not clearly held or breached is an error, and an error is never a success. */
export interface Outcome {
  /** All that the text printed. */
  readonly stdout: string;
  readonly timedOut: boolean;
  /** How the process that ran it ended, where that is known: 0, or 128 and the signal that ended it. */
  readonly status?: number;
  /** What went wrong before the text could say anything. */
  readonly stderr?: string;
}

export type Counters = Readonly<Record<string, number>>;

/** An entry of the ledger, as `read` gives it. */
export type LedgerEntry = Readonly<Record<string, unknown>> & { readonly event: string };

/** Everything that was seen around one text. */
export interface Observation {
  readonly outcome: Outcome;
  readonly before: Counters;
  readonly after: Counters;
  /** The agent's entries since just before. */
  readonly entries: readonly LedgerEntry[];
  readonly args: Args;
}

export interface AttackResult {
  readonly id: string;
  readonly line: number;
  readonly agent: string;
  readonly result: 'held' | 'breached' | 'not-applicable' | 'error';
  readonly control: string;
  readonly tries?: string;
  readonly wall?: string;
  readonly why?: string;
  readonly step?: number;
  readonly tier?: Tier;
}

/** What a tier, or a machine without root, does not hold is not applicable, and says so by these words. */
const UNHELD = / does not hold it: /;

/** @returns why nothing holds it for this agent; undefined where that is not the reason */
export function unheldBecause({ result, why = '' }: Pick<AttackResult, 'result' | 'why'>): string | undefined {
  return result === 'not-applicable' && UNHELD.test(why) ? why.replace(/^.* does not hold it: /, '') : undefined;
}

export interface AccessResult {
  readonly id: string;
  readonly agent: string;
  readonly result: 'ok' | 'cut-off' | 'not-applicable' | 'error';
  readonly tries: string;
  readonly why?: string;
}

export interface DrillDocument {
  readonly attacks: readonly AttackResult[];
  readonly access: readonly AccessResult[];
}

export interface Said {
  readonly word: 'done' | 'refused' | 'error';
  readonly text: string;
}

/** The text's own word. The agent's processes have the same uid as the text: should one of them get hold of its output, or end
 *  it, then what is read is not what the text found. A text says one thing and then ends by itself; all else is an error. */
export function said({ stdout, timedOut, status = 0, stderr = '' }: Outcome): Said {
  const lines = stdout.split('\n').flatMap((line) => {
    const [, word, text = ''] = /^(done|refused|error)(?: (.*))?$/.exec(line) ?? [];
    return word === undefined ? [] : [{ word: word as Said['word'], text }];
  });
  const [first, ...more] = lines;
  if (first === undefined) {
    const instead = (stdout + stderr).trim().slice(0, 160) || `status ${status}`;
    return { word: 'error', text: timedOut ? 'it did not end in time' : `it said nothing (${instead})` };
  }
  if (more.length > 0) return { word: 'error', text: `it said more than one thing: ${lines.map(({ word }) => word)}` };
  if (status !== 0) return { word: 'error', text: `it was ended before its time (status ${status}): ${first.text}` };
  return first;
}

/** @returns why this attack or access test is not for this agent */
export function notFor(one: Pick<Attack | AccessTest, 'tiers' | 'applies'>, agent: AgentFacts): string | undefined {
  if (!one.tiers.includes(agent.tier)) return `not in tier ${agent.tier}`;
  return one.applies?.(agent);
}

/** @returns why the attack proves nothing: where the wall is absent it must succeed, and its counters must see it */
export function controlFails(
  attack: Attack,
  seen: Pick<Observation, 'outcome' | 'before' | 'after'>,
): string | undefined {
  const { word, text } = said(seen.outcome);
  if (word !== 'done') return `even without the wall it does not work here (${word}: ${text})`;
  // In the bare namespace nothing of the arena is near.
  const watch = attack.positive === 'bare-net-root' ? [] : (attack.watch ?? []);
  if (watch.length > 0 && moved(watch, seen).length === 0)
    return `without the wall it works, but no counter saw it (${watch})`;
  return undefined;
}

/** An attack is refused only if whoever was to be met was there and met nobody. */
export function whatBothSaw(attack: Outcome, beside: Outcome): Outcome {
  const [own, other] = [said(attack), said(beside)];
  if (own.word !== 'refused' || other.word === 'refused') return attack;
  const word = other.word === 'done' ? 'done' : 'error';
  return { stdout: `${word} the other side: ${other.text}\n`, timedOut: false };
}

export function judgeAttack(attack: Attack, agent: string, seen: Observation): AttackResult {
  const { id, line, control, tries, wall } = attack;
  const one = { id, line, agent, control, tries, wall };
  const { word, text } = said(seen.outcome);
  const touched = moved(attack.watch ?? [], seen);
  if (word === 'done') return { ...one, result: 'breached', why: text };
  if (touched.length > 0)
    return { ...one, result: 'breached', why: `it said "${text}", but something arrived at: ${touched.join(', ')}` };
  if (word === 'error') return { ...one, result: 'error', why: text };
  const missing = unrecorded(attack.evidence, seen);
  if (missing !== undefined)
    return { ...one, result: 'error', why: `it was refused (${text}), but the record does not have ${missing}` };
  return { ...one, result: 'held', why: text };
}

export function judgeAccess(test: AccessTest, agent: string, seen: Observation): AccessResult {
  const one = { id: test.id, agent, tries: test.tries };
  const { word, text } = said(seen.outcome);
  if (word === 'refused') return { ...one, result: 'cut-off', why: text };
  if (word === 'error') return { ...one, result: 'error', why: text };
  const still = (test.watch ?? []).filter((name) => moved([name], seen).length === 0);
  if (still.length > 0)
    return { ...one, result: 'error', why: `it said "${text}", but nothing arrived at: ${still.join(', ')}` };
  const missing = unrecorded(test.evidence, seen);
  if (missing !== undefined)
    return { ...one, result: 'error', why: `it works, but the record does not have ${missing}` };
  return { ...one, result: 'ok' };
}

/** Whether every attack held and every access stands; not applicable is neither. */
export function passed({ attacks, access }: DrillDocument): boolean {
  return (
    attacks.some(({ result }) => result === 'held') &&
    attacks.every(({ result }) => result === 'held' || result === 'not-applicable') &&
    access.every(({ result }) => result === 'ok' || result === 'not-applicable')
  );
}

/** @returns the first evidence that no entry is, in words; undefined when all is there */
export function unrecorded(
  evidence: readonly Evidence[] | undefined,
  { entries, args }: Pick<Observation, 'entries' | 'args'>,
): string | undefined {
  for (const { event, mentions } of evidence ?? []) {
    const value = mentions === undefined ? undefined : args[mentions];
    if (mentions !== undefined && value === undefined) return `a value for ${mentions}`;
    const found = entries.some(
      (entry) =>
        event.includes(entry.event) &&
        (value === undefined ||
          Object.values(entry).some((field) => String(field).toLowerCase().includes(value.toLowerCase()))),
    );
    if (!found) return value === undefined ? event.join(' or ') : `${event.join(' or ')} with ${value}`;
  }
  return undefined;
}

function moved(watch: readonly string[], { before, after }: Pick<Observation, 'before' | 'after'>): string[] {
  return watch.filter((name) => (after[name] ?? 0) !== (before[name] ?? 0));
}
