import { LONGEST_PATH } from './bounds.ts';
import {
  type ArgumentType,
  ELEVATED_TIME,
  type ElevatedRule,
  LONGEST_ELEVATED_WORD,
  whyNotElevated,
} from './elevated.ts';
import { isPlainPath } from './programs.ts';
import { dictionary, entries, members, oneOf, text, whole, wrong } from './strict.ts';
import { isOurUser, isUserName } from './unix-names.ts';

/** One elevated rule out of foreign JSON. @throws Failure bad-fleet */
export function elevatedRule(raw: unknown, at: string): ElevatedRule {
  const given = members(raw, at, ['run', 'with', 'as', 'ask', 'time']);
  const types = Object.entries(dictionary(given.with, `${at}.with`)).map(([name, type]): [string, ArgumentType] => {
    if (!/^[a-z][a-z0-9-]*$/.test(name)) throw wrong(`${at}.with`, 'has a bad name in it');
    return [name, argumentType(type, `${at}.with.${name}`)];
  });
  if (typeof given.ask !== 'boolean') throw wrong(`${at}.ask`, 'is not true or false');
  const rule: ElevatedRule = {
    run: entries(given.run, `${at}.run`, word),
    with: Object.fromEntries(types),
    as: text(given.as, `${at}.as`, 'a Unix user of the host', (name) => isUserName(name) && !isOurUser(name)),
    ask: given.ask,
    time: whole(given.time, `${at}.time`, ELEVATED_TIME),
  };
  const why = whyNotElevated(rule);
  if (why !== undefined) throw wrong(at, why.problem);
  return rule;
}

function argumentType(raw: unknown, at: string): ArgumentType {
  const kind = oneOf(dictionary(raw, at).kind, `${at}.kind`, ['words', 'integer', 'text', 'path']);
  const number = (value: unknown): number => whole(value, at, { least: 0, most: Number.MAX_SAFE_INTEGER });
  switch (kind) {
    case 'words':
      return { kind, words: entries(members(raw, at, ['kind', 'words']).words, `${at}.words`, word) };
    case 'integer': {
      const { least, most } = members(raw, at, ['kind', 'least', 'most']);
      return { kind, least: number(least), most: number(most) };
    }
    case 'text': {
      const { characters, most } = members(raw, at, ['kind', 'characters', 'most']);
      return { kind, characters: word(characters, `${at}.characters`), most: number(most) };
    }
    case 'path': {
      const { below } = members(raw, at, ['kind', 'below']);
      const fits = (path: string): boolean => path.length <= LONGEST_PATH && isPlainPath(path);
      return { kind, below: text(below, `${at}.below`, 'an absolute path', fits) };
    }
  }
}

function word(raw: unknown, at: string): string {
  return text(raw, at, 'a short word', (one) => one.length <= LONGEST_ELEVATED_WORD);
}
