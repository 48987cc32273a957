import type { ArgvRule } from '../../../model/fleet.ts';
import { matchesNarrowly, matchesWidely, parseRule, type Rule } from '../../../policy/command/rule.ts';
import { bytesOf, wordsOf } from '../../../policy/command/words.ts';
import type { ArgvRuleInFile } from './file.ts';
import { type Path, pathText, quoted } from './shown.ts';
import type { Where } from './where.ts';

export type ArgvKey = 'allow-argv' | 'ask-argv' | 'deny-argv';

/** The argv rules of one list. Their examples are tried here, each at its own line: a rule that does not mean what its author thinks is
 *  found before it is in force. */
export function argvRules(where: Where, path: Path, key: ArgvKey, given: readonly ArgvRuleInFile[]): ArgvRule[] {
  return given.map((entry, i) => {
    const at = [...path, i];
    const whole = typeof entry === 'object' && 'rule' in entry;
    const words = split(where, whole ? [...at, 'rule'] : at, whole ? entry.rule : entry);
    const rule = parseRule(words);
    if (typeof rule === 'string')
      throw where.document.failure(
        'bad-rule',
        at,
        `the rule ${quoted(words.join(' '))} in ${pathText(at)} ${rule}`,
        'Write the program and its arguments: "git push **"; * stands for a part of a word, ** at the end for the rest.',
      );
    if (whole) tryExamples(where, at, key, rule, entry);
    return words;
  });
}

function tryExamples(where: Where, at: Path, key: ArgvKey, rule: Rule, entry: Examples): void {
  for (const [name, wanted] of [
    ['match', true],
    ['not-match', false],
  ] as const)
    for (const [i, example] of (entry[name] ?? []).entries()) {
      const place = [...at, name, i];
      const words = split(where, place, example);
      if (matchesExample(key, rule, words) === wanted) continue;
      throw where.document.failure(
        'example-fails',
        place,
        `${quoted(words.join(' '))} ${wanted ? 'is not matched' : 'is matched'} by the rule ${quoted(rule.text)}`,
        key === 'allow-argv'
          ? 'A rule that allows means exactly its words, in their order; ** at the end stands for anything more.'
          : 'A rule that asks or denies also means its words with options anywhere among them.',
      );
    }
}

interface Examples {
  readonly match?: readonly (string | readonly string[])[] | undefined;
  readonly 'not-match'?: readonly (string | readonly string[])[] | undefined;
}

function matchesExample(key: ArgvKey, rule: Rule, [program = '', ...args]: readonly string[]): boolean {
  const called = bytesOf(program);
  if (called !== rule.program && called.slice(called.lastIndexOf('/') + 1) !== rule.program) return false;
  return (key === 'allow-argv' ? matchesNarrowly : matchesWidely)(rule, args.map(bytesOf));
}

function split(where: Where, path: Path, text: string | readonly string[]): readonly string[] {
  const words = typeof text === 'string' ? wordsOf(text) : text;
  if (words !== undefined && words.length > 0) return words;
  throw where.document.failure(
    'bad-rule',
    path,
    words === undefined ? `a quote is not closed in ${pathText(path)}` : `${pathText(path)} is empty`,
    'Write the program and its arguments, or a list of words: [git, push, "**"].',
  );
}
