import { LONGEST_PATH } from '../../model/bounds.ts';
import {
  type ArgumentType,
  characterSet,
  type ElevatedRule,
  elevatedWord,
  LONGEST_ELEVATED_WORD,
} from '../../model/elevated.ts';
import { isPlainPath } from '../../model/programs.ts';
import { bytesOf } from '../command/words.ts';

/** A rule that an argv is an instance of, and the paths in it that the host must look at before it is run. */
export interface ElevatedMatch {
  readonly rule: ElevatedRule;
  /** Its place in the list. */
  readonly index: number;
  readonly paths: readonly { readonly path: string; readonly below: string }[];
}

/** Exactly the words of a rule: as many, each in its place. Of several rules one that asks comes before one that does not, else the
 *  first in the file.
 *  @param argv  bytes, one a character (latin1), program first */
export function matchElevated(rules: readonly ElevatedRule[], argv: readonly string[]): ElevatedMatch | undefined {
  const all = rules.flatMap((rule, index): ElevatedMatch[] => {
    const paths = pathsOf(rule, argv);
    return paths === undefined ? [] : [{ rule, index, paths }];
  });
  return all.find(({ rule }) => rule.ask) ?? all[0];
}

/** Undefined: it is no instance. */
function pathsOf(rule: ElevatedRule, argv: readonly string[]): ElevatedMatch['paths'] | undefined {
  if (argv.length !== rule.run.length) return undefined;
  const paths: { path: string; below: string }[] = [];
  for (const [i, pattern] of rule.run.entries()) {
    const word = argv[i];
    if (word === undefined || word.length > 4 * LONGEST_ELEVATED_WORD) return undefined;
    const { before, name, after } = elevatedWord(pattern);
    if (name === undefined) {
      if (word !== bytesOf(before)) return undefined;
      continue;
    }
    const type = rule.with[name];
    const value = between(word, bytesOf(before), bytesOf(after));
    if (type === undefined || value === undefined || !fits(type, value)) return undefined;
    if (type.kind === 'path') paths.push({ path: value, below: type.below });
  }
  return paths;
}

function between(word: string, before: string, after: string): string | undefined {
  if (word.length < before.length + after.length || !word.startsWith(before) || !word.endsWith(after)) return undefined;
  return word.slice(before.length, word.length - after.length);
}

function fits(type: ArgumentType, value: string): boolean {
  switch (type.kind) {
    case 'words':
      return type.words.some((one) => bytesOf(one) === value);
    case 'integer':
      return /^(?:0|[1-9][0-9]{0,15})$/.test(value) && Number(value) >= type.least && Number(value) <= type.most;
    case 'text': {
      const set = characterSet(type.characters);
      if (set === undefined || value.length < 1 || value.length > type.most || /^[-.]/.test(value)) return false;
      return [...value].every((character) => set.has(character));
    }
    case 'path':
      // Visible ASCII: what a person is shown is what there is.
      return (
        value.startsWith(`${bytesOf(type.below)}/`) &&
        value.length <= LONGEST_PATH &&
        /^[!-~]+$/.test(value) &&
        isPlainPath(value)
      );
  }
}
