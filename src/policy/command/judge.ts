import type { ArgvRule, WantedExec } from '../../model/fleet.ts';
import type { Verdict } from '../../model/verdict.ts';
import { matchesNarrowly, matchesWidely, parseRule, type Rule } from './rule.ts';
import { candidates, indexRules, type RuleIndex } from './rule-index.ts';

/** What is to be executed. argv are bytes, one a character (latin1), program name first. */
export interface Command {
  readonly program: {
    /** The name it was found under. */
    readonly name: string;
    /** Absolute, every link followed. */
    readonly path: string;
  };
  readonly argv: readonly string[];
}

type Direction = 'deny' | 'ask' | 'allow';

export interface CommandPolicy {
  readonly onMiss: 'ask' | 'never';
  /** Names and paths. */
  readonly allowed: ReadonlySet<string>;
  readonly denied: ReadonlySet<string>;
  readonly rules: Readonly<Record<Direction, ReadonlyMap<string, RuleIndex>>>;
}

/** @param allowed  names and paths of what may start by its file alone, links followed by whoever can
 *  @throws Error for a rule that is none: the reader and the decoder have refused those */
export function commandPolicy(exec: WantedExec, allowed: Iterable<string>): CommandPolicy {
  return {
    onMiss: exec.ask === 'never' ? 'never' : 'ask',
    allowed: new Set(allowed),
    denied: new Set(exec.deny),
    rules: {
      deny: byProgram(exec.denyArgv, 'widely'),
      ask: byProgram(exec.askArgv, 'widely'),
      allow: byProgram(exec.allowArgv, 'narrowly'),
    },
  };
}

/** The strictest match wins: deny before ask before allow, an argv rule before the file. What nothing speaks of is a miss. */
export function judgeCommand(policy: CommandPolicy, { program, argv }: Command): Verdict {
  const [called, ...args] = argv;
  if (called === undefined) return { kind: 'deny', why: 'it has no arguments at all, not even its name (argc 0)' };
  const base = lastPart(program.path);
  const names = [...new Set([program.name, program.path, base])];
  const denied = names.find((name) => policy.denied.has(name));
  if (denied !== undefined) return { kind: 'deny', why: `exec.deny names ${denied}` };
  // argv[0] is the agent's word, and a program of many names goes by it: it can make a rule stricter, and what a rule allows of one
  // name (busybox ls) it does not allow of another (a link wget to it, or busybox called wget).
  const as = lastPart(called);
  const all = [...new Set([...names, as])];
  const deny = find(policy.rules.deny, all, args, matchesWidely);
  if (deny) return { kind: 'deny', why: `exec.deny-argv: ${deny.text}` };
  const ask = find(policy.rules.ask, all, args, matchesWidely);
  if (ask) return { kind: 'ask', rule: `exec.ask-argv: ${ask.text}`, why: 'a rule says so' };
  const file = names.find((name) => policy.allowed.has(name));
  if (file !== undefined) return { kind: 'allow', rule: `exec: ${file}` };
  const itself = names.filter((name) => lastPart(name) === as);
  const allow = find(policy.rules.allow, itself, args, matchesNarrowly);
  if (allow) return { kind: 'allow', rule: `exec.allow-argv: ${allow.text}` };
  if (policy.onMiss === 'ask')
    return {
      kind: 'ask',
      rule: 'exec.ask: on-miss',
      why: `${program.name} is not among the programs that it may start`,
    };
  return { kind: 'deny', why: `${program.name} is not among the programs that it may start` };
}

/** Whether a verdict about a program can depend on more than its file. */
export function hasArgvRules(policy: CommandPolicy, names: readonly string[]): boolean {
  return names.some(
    (name) => policy.rules.deny.has(name) || policy.rules.ask.has(name) || policy.rules.allow.has(name),
  );
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function byProgram(rules: readonly ArgvRule[] = [], how: 'narrowly' | 'widely'): Map<string, RuleIndex> {
  const parsed = rules.map((words) => {
    const rule = parseRule(words);
    if (typeof rule === 'string') throw new Error(`a rule that was read ${rule}`);
    return rule;
  });
  const grouped = Map.groupBy(parsed, ({ program }) => program);
  return new Map([...grouped].map(([program, some]) => [program, indexRules(some, how)]));
}

function find(
  rules: ReadonlyMap<string, RuleIndex>,
  names: readonly string[],
  args: readonly string[],
  fits: (rule: Rule, args: readonly string[]) => boolean,
): Rule | undefined {
  for (const name of names) {
    const index = rules.get(name);
    if (index === undefined) continue;
    for (const rule of candidates(index, args)) if (fits(rule, args)) return rule;
  }
  return undefined;
}
