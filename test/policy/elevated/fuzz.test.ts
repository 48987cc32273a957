import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ArgumentType, type ElevatedRule, whyNotElevated } from '../../../src/model/elevated.ts';
import type { AgentName } from '../../../src/model/names.ts';
import { matchElevated } from '../../../src/policy/elevated/match.ts';
import { elevatedSubject, shownElevated } from '../../../src/policy/question/elevated.ts';

const SEED = 20_261_121;
const MANY = 100_000;

/** mulberry32 */
function random(seed: number): (below: number) => number {
  let a = seed;
  return (below) => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const pieces = [
  'web',
  'worker',
  '-',
  '--',
  'a',
  'z',
  '0',
  '7',
  '12',
  '500',
  '501',
  '.',
  '..',
  '/',
  '/srv/web',
  '/srv/web/x',
  '\n',
  '\0',
  ' ',
  '\u00c3\u00a9',
  '\xff',
  '=',
  '*',
  '{unit}',
  'systemctl',
  'restart',
  'journalctl',
  '--lines=',
];
const TYPES: readonly ArgumentType[] = [
  { kind: 'words', words: ['web', 'worker', '--now', 'é'] },
  { kind: 'integer', least: 7, most: 500 },
  { kind: 'text', characters: 'a-z0-9.=-', most: 6 },
  { kind: 'path', below: '/srv/web' },
];
const RUNS = ['systemctl restart {x}', 'journalctl --lines={x}', 'web {x}.web', 'a {x} - {y}', 'worker', 'a {x}'];

/** Written another way than the product's: one expression for each word. */
function oracle({ run, with: types }: ElevatedRule, argv: readonly string[]): boolean {
  const bytes = (text: string): string => Buffer.from(text).toString('latin1');
  const plain = (text: string): string => bytes(text).replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
  const value = (type: ArgumentType | undefined): string => {
    if (type?.kind === 'words') return `(?:${type.words.map(plain).join('|')})`;
    if (type?.kind === 'integer')
      return `(?:${Array.from({ length: type.most - type.least + 1 }, (_, i) => i + type.least).join('|')})`;
    if (type?.kind === 'text') return `(?=[^.-])[a-z0-9.=-]{1,${type.most}}`;
    return '/srv/web(?:/(?!\\.{1,2}(?:/|$))[!-.0-~]+)+';
  };
  const word = (pattern: string): RegExp =>
    new RegExp(
      `^${pattern
        .split(/(\{[xy]\})/)
        .map((part) => (/^\{[xy]\}$/.test(part) ? value(types[part.charAt(1)]) : plain(part)))
        .join('')}(?![^])`,
    );
  return argv.length === run.length && run.every((pattern, i) => word(pattern).test(argv[i] ?? ''));
}

test(`${MANY} argv (seed ${SEED}): what matches is what an oracle matches, and no two are shown alike`, () => {
  const next = random(SEED);
  const pick = <T>(from: readonly T[]): T => from[next(from.length)] as T;
  const rules = Array.from({ length: 40 }, (): ElevatedRule => {
    const run = pick(RUNS).split(' ');
    const names = ['x', 'y'].filter((name) => run.some((word) => word.includes(`{${name}}`)));
    return {
      run,
      with: Object.fromEntries(names.map((name) => [name, pick(TYPES)])),
      as: 'root',
      ask: next(2) === 0,
      time: 1000,
    };
  });
  for (const rule of rules) assert.equal(whyNotElevated(rule), undefined);
  const shown = new Map<string, string>();
  let matches = 0;
  for (let i = 0; i < MANY; i++) {
    const rule = pick(rules);
    // Half of them grow from a rule: near misses and hits; the others from anything.
    const near = (): string[] =>
      rule.run.map((word) => word.replace(/\{[xy]\}/, () => pick(pieces)) + (next(12) === 0 ? pick(pieces) : ''));
    const argv =
      next(2) === 0
        ? near()
        : Array.from({ length: next(5) }, () => Array.from({ length: next(4) }, () => pick(pieces)).join(''));
    const wanted = rules.filter((one) => oracle(one, argv));
    const found = matchElevated(rules, argv);
    assert.equal(found !== undefined, wanted.length > 0, JSON.stringify(argv));
    if (!found) continue;
    matches += 1;
    assert.ok(wanted.includes(found.rule));
    assert.equal(
      found.rule.ask,
      wanted.some(({ ask }) => ask),
      'one that asks is not passed by',
    );
    const terms = { argv, as: 'root', program: { path: '/usr/bin/x', digest: '0' } };
    const text = shownElevated(terms);
    assert.match(text, /^[ -~]+$/);
    assert.equal(shown.get(text) ?? JSON.stringify(argv), JSON.stringify(argv));
    shown.set(text, JSON.stringify(argv));
    elevatedSubject('a' as AgentName, terms);
  }
  assert.ok(matches > 3000, `${matches} of them match`);
});
