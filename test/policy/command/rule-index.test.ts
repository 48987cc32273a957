import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { matchesNarrowly, matchesWidely, parseRule, type Rule } from '../../../src/policy/command/rule.ts';
import { candidates, indexRules } from '../../../src/policy/command/rule-index.ts';

function ruleOf(words: readonly string[]): Rule {
  const rule = parseRule(['tool', ...words]);
  if (typeof rule === 'string') assert.fail(rule);
  return rule;
}

const RULE_WORDS = [
  'a',
  'b',
  'ab',
  '*',
  'a*',
  '*b',
  'a*b',
  '*a*',
  '-r',
  '-rf',
  '-x*',
  '--force',
  '--f*',
  '--file=*',
  '--file=a',
  '--fo\\*',
  '\\*',
];
const WORDS = [
  'a',
  'b',
  'ab',
  'aab',
  '-r',
  '-f',
  '-fr',
  '-x',
  '-xyz',
  '--',
  '--f',
  '--fo',
  '--force',
  '--file',
  '--file=a',
  '--file=b',
  '--fo*',
  '*',
  '',
];
const someRules = fc.array(fc.array(fc.constantFrom(...RULE_WORDS), { minLength: 1, maxLength: 4 }), { maxLength: 8 });

test('the index finds whatever comparing each rule finds', () => {
  const both = [
    ['narrowly', matchesNarrowly],
    ['widely', matchesWidely],
  ] as const;
  fc.assert(
    fc.property(someRules, fc.array(fc.constantFrom(...WORDS), { maxLength: 5 }), (texts, args) => {
      const rules = texts.filter((words) => typeof parseRule(['tool', ...words]) !== 'string').map(ruleOf);
      for (const [how, fits] of both) {
        const found = new Set([...candidates(indexRules(rules, how), args)].filter((rule) => fits(rule, args)));
        for (const rule of rules)
          if (fits(rule, args)) assert.ok(found.has(rule), `${how}: ${rule.text} for ${args.join(' ')}`);
      }
    }),
    { numRuns: 20_000, seed: 7 },
  );
});

test('of ten thousand rules of one kind hardly any is compared', () => {
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  const kinds: Readonly<Record<string, (n: number) => string[]>> = {
    'an operand': (n) => [`n${n}`],
    'how an operand begins': (n) => [`https://host${n}/*`],
    'how an operand ends': (n) => [`*.kind${n}`],
    'a long option': (n) => [`--option-${n}`],
    'a long option with any value': (n) => [`--option-${n}=*`, '**'],
    'an option before an operand of any kind': (n) => [`--option-${n}`, '*'],
    'short options': (n) => [
      `-${[n % 26, Math.floor(n / 26) % 26, Math.floor(n / 676)].map((i) => letters[i]).join('')}`,
    ],
  };
  const args = ['push', '-v', 'n77', 'https://host77/x', 'a.kind77', '--option-7712', '--option-9999=x', '-qz'];
  for (const [kind, words] of Object.entries(kinds)) {
    const rules = Array.from({ length: 10_000 }, (_, n) => ruleOf(words(n)));
    const compared = [...candidates(indexRules(rules, 'widely'), args)].length;
    assert.ok(compared <= 150, `${kind}: ${compared} of 10000`);
  }
});
