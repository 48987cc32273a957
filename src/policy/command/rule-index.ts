import { type Glob, literal } from './glob.ts';
import type { Rule } from './rule.ts';

/** The rules of one program and direction, by something without which each cannot match: so what has to be compared does not grow with
 *  the number of rules. */
export interface RuleIndex {
  /** A word as it is. */
  readonly words: Groups;
  /** How a word begins or ends, by the length of that. */
  readonly starts: ReadonlyMap<number, Groups>;
  readonly ends: ReadonlyMap<number, Groups>;
  /** The name of a long option, sorted: it can be given shortened. */
  readonly long: readonly (readonly [name: string, rules: readonly Rule[]])[];
  /** Letters that must be among those of the short options: a way through them, sorted, leads to the rules. */
  readonly letters: Letters;
  /** Patterns that say nothing of how a word begins or ends. */
  readonly others: readonly Rule[];
}

type Groups = ReadonlyMap<string, readonly Rule[]>;

interface Letters {
  readonly rules: Rule[];
  readonly next: Map<string, Letters>;
}

type Key =
  | { readonly by: 'word' | 'start' | 'end' | 'long' | 'letters'; readonly text: string }
  | { readonly by: 'none' };

/** @param how  narrowly: every word must be there as it is written; widely: operands are, options may be given in other ways
 *  (src/policy/command/rule.ts) */
export function indexRules(rules: readonly Rule[], how: 'narrowly' | 'widely'): RuleIndex {
  const found = { word: new Map<string, Rule[]>(), long: new Map<string, Rule[]>() };
  const letters: Letters = { rules: [], next: new Map() };
  const parts = { start: new Map<number, Map<string, Rule[]>>(), end: new Map<number, Map<string, Rule[]>>() };
  const others: Rule[] = [];
  for (const rule of rules) {
    const key = how === 'narrowly' ? keyOf(rule.words) : keyOf(rule.operands, rule.options);
    if (key.by === 'none') others.push(rule);
    else if (key.by === 'letters') way(letters, key.text).rules.push(rule);
    else if (key.by === 'start' || key.by === 'end') {
      const groups = parts[key.by].get(key.text.length) ?? new Map<string, Rule[]>();
      parts[key.by].set(key.text.length, groups);
      add(groups, key.text, rule);
    } else add(found[key.by], key.text, rule);
  }
  return {
    words: found.word,
    starts: parts.start,
    ends: parts.end,
    long: [...found.long].sort(([a], [b]) => (a < b ? -1 : 1)),
    letters,
    others,
  };
}

/** All rules that may match these arguments; a few that do not as well. */
export function* candidates(index: RuleIndex, args: readonly string[]): Generator<Rule> {
  yield* index.others;
  const words = new Set(args);
  for (const word of words) yield* index.words.get(word) ?? [];
  for (const [length, groups] of index.starts)
    for (const start of new Set([...words].map((word) => word.slice(0, length)))) yield* groups.get(start) ?? [];
  for (const [length, groups] of index.ends)
    for (const end of new Set([...words].map((word) => word.slice(-length)))) yield* groups.get(end) ?? [];
  if (index.long.length > 0)
    for (const given of new Set(args.filter((word) => word.startsWith('--')).map(nameOf)))
      yield* beginning(index.long, given);
  if (index.letters.next.size > 0)
    yield* within(index.letters, new Set(args.filter((word) => /^-[^-]/.test(word)).join('')));
}

function keyOf(
  globs: readonly Glob[],
  options: readonly { readonly pattern: Glob; readonly text: string }[] = [],
): Key {
  const word = globs.map(literal).find((text) => text !== undefined);
  if (word !== undefined) return { by: 'word', text: word };
  let best: Key = { by: 'none' };
  let length = 0;
  for (const pattern of globs) {
    const [start = '', end = ''] = [pattern[0], pattern.at(-1)];
    if (start.length > length) best = { by: 'start', text: start };
    if (end.length > Math.max(length, start.length)) best = { by: 'end', text: end };
    length = Math.max(length, start.length, end.length);
  }
  if (best.by !== 'none') return best;
  for (const { pattern, text } of options) {
    if (text.startsWith('--')) {
      const plain = !text.includes('\\') && (pattern.length === 1 || pattern[0]?.includes('='));
      if (plain) return { by: 'long', text: nameOf(text) }; // else its name is a pattern
      continue;
    }
    const letters = literal(pattern)?.slice(1);
    if (letters) best = { by: 'letters', text: letters };
  }
  return best;
}

/** Those of a sorted list whose name begins like this. */
function* beginning(long: RuleIndex['long'], given: string): Generator<Rule> {
  let [low, high] = [0, long.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((long[middle]?.[0] ?? '') < given) low = middle + 1;
    else high = middle;
  }
  for (let at = low; at < long.length && long[at]?.[0].startsWith(given); at++) yield* long[at]?.[1] ?? [];
}

function nameOf(option: string): string {
  const at = option.indexOf('=');
  return at < 0 ? option : option.slice(0, at);
}

/** Where these letters lead; made where it is not there yet. */
function way(from: Letters, letters: string): Letters {
  let at = from;
  for (const letter of [...new Set(letters)].sort()) {
    const next = at.next.get(letter) ?? { rules: [], next: new Map() };
    at.next.set(letter, next);
    at = next;
  }
  return at;
}

/** All rules that need no other letters than these. */
function* within(from: Letters, there: ReadonlySet<string>): Generator<Rule> {
  yield* from.rules;
  for (const [letter, next] of from.next) if (there.has(letter)) yield* within(next, there);
}

function add(groups: Map<string, Rule[]>, key: string, rule: Rule): void {
  const there = groups.get(key);
  if (there) there.push(rule);
  else groups.set(key, [rule]);
}
