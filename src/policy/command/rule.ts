import { type Glob, glob, literal, matches } from './glob.ts';
import { bytesOf } from './words.ts';

/** An argv rule, ready to be compared. Words are bytes, one a character. */
export interface Rule {
  /** As it was written, for verdicts. */
  readonly text: string;
  /** Name or absolute path of the program; no pattern. */
  readonly program: string;
  readonly words: readonly Glob[];
  /** It ended in `**`: any number of further words. */
  readonly rest: boolean;
  readonly operands: readonly Glob[];
  readonly options: readonly Option[];
}

interface Option {
  readonly pattern: Glob;
  readonly text: string;
}

/** At most so many words of a rule, and characters of one of them. */
export const MOST_WORDS = 64;
export const LONGEST_RULE_WORD = 1024;

/** @param words  program first, as written; `**` as the last stands for the rest
 *  @returns why it is no rule, as the end of a sentence */
export function parseRule(words: readonly string[]): Rule | string {
  const [program = '', ...all] = words;
  if (program === '') return 'names no program';
  if (/[*\\]/.test(program)) return 'has a pattern for its program; name the program';
  if (program.includes('/') && !program.startsWith('/')) return 'names its program by a path that is not absolute';
  if (words.length > MOST_WORDS) return `has more than ${MOST_WORDS} words`;
  if (words.some((word) => word.length > LONGEST_RULE_WORD || word.includes('\0')))
    return 'has a word that is too long';
  const rest = all.at(-1) === '**';
  const given = rest ? all.slice(0, -1) : all;
  if (given.includes('**')) return 'has ** before its end; it stands for the rest';
  const globs = given.map((word) => glob(bytesOf(word)));
  const isOption = (i: number): boolean => /^-./.test(given[i] ?? '') && given[i] !== '--';
  return {
    text: words.join(' '),
    program: bytesOf(program),
    words: globs,
    rest,
    operands: globs.filter((_, i) => !isOption(i) && given[i] !== '--'),
    options: globs.flatMap((pattern, i) => (isOption(i) ? [{ pattern, text: bytesOf(given[i] ?? '') }] : [])),
  };
}

/** For what is allowed: exactly what the rule says. Words come in the order written; only `--name=value` may stand anywhere, since it
 *  takes no other word with it. A pattern without a leading dash never takes an option; after the last word, `**` takes anything. */
export function matchesNarrowly(rule: Rule, args: readonly string[]): boolean {
  const movable = new Set(rule.words.filter((pattern) => /^--[^=]+=/.test(pattern[0] ?? '')));
  const fixed = rule.words.filter((pattern) => !movable.has(pattern));
  let at = 0;
  for (const word of args) {
    if (at === fixed.length && rule.rest && movable.size === 0) return true;
    const moved = [...movable].find((pattern) => matches(pattern, word));
    if (moved) {
      movable.delete(moved);
      continue;
    }
    const pattern = fixed[at];
    if (pattern === undefined) {
      if (!rule.rest) return false;
      continue;
    }
    if (!matches(pattern, word) || (word.startsWith('-') && !pattern[0]?.startsWith('-'))) return false;
    at += 1;
  }
  return at === fixed.length && movable.size === 0;
}

/** For what is asked or denied: also what only might be it. Its words come in order, but options stand anywhere, among others that it
 *  does not name; a word after an option may be that option's. Short options count in clusters (-rf for -r), long ones shortened
 *  (--forc for --force, as getopt_long(3) takes them). */
export function matchesWidely(rule: Rule, args: readonly string[]): boolean {
  return rule.options.every((option) => optionThere(option, args)) && operandsThere(rule, args);
}

function operandsThere({ operands, rest }: Rule, args: readonly string[]): boolean {
  let reached = new Set([0]);
  let afterOption = false;
  for (const word of args) {
    if (rest && reached.has(operands.length)) return true;
    const option = word.startsWith('-');
    const next = new Set<number>(option || afterOption ? reached : []);
    for (const at of reached) {
      const pattern = operands[at];
      if (pattern !== undefined && matches(pattern, word)) next.add(at + 1);
    }
    if (next.size === 0) return false;
    reached = next;
    afterOption = option && word !== '--';
  }
  return reached.has(operands.length);
}

function optionThere({ pattern, text }: Option, args: readonly string[]): boolean {
  if (args.some((word) => matches(pattern, word))) return true;
  if (text.startsWith('--')) return args.some((word, i) => longThere(text, word, args[i + 1]));
  const letters = literal(pattern)?.slice(1);
  if (letters === undefined) return false;
  const clusters = args.filter((word) => /^-[^-]/.test(word)).join('');
  return [...letters].every((letter) => clusters.includes(letter));
}

function longThere(text: string, word: string, next: string | undefined): boolean {
  const [name, value] = parted(text);
  const [given, got] = parted(word);
  if (!given.startsWith('--') || given.length < 3 || !name.startsWith(given)) return false;
  if (value === undefined) return true;
  const found = got ?? next;
  return found !== undefined && matches(glob(value), found);
}

function parted(option: string): [name: string, value?: string] {
  const at = option.indexOf('=');
  return at < 0 ? [option] : [option.slice(0, at), option.slice(at + 1)];
}
