import {
  type ArgumentType,
  ELEVATED_TIME,
  type ElevatedRule,
  MOST_ELEVATED,
  whyNotElevated,
} from '../../../model/elevated.ts';
import { isOurUser } from '../../../model/unix-names.ts';
import { wordsOf } from '../../../policy/command/words.ts';
import { notElevated } from '../../../policy/elevated/programs.ts';
import { duration } from './amounts.ts';
import type { ArgumentInFile, ElevatedInFile } from './file.ts';
import { word } from './programs.ts';
import { type Path, pathText, quoted } from './shown.ts';
import { settled, type Where } from './where.ts';

/** The commands of an agent that run outside. Whether the program is there, and only root's to change, the host says. */
export function elevatedRules(where: Where, path: Path, given: readonly ElevatedInFile[]): ElevatedRule[] {
  if (given.length > MOST_ELEVATED)
    throw where.document.failure(
      'out-of-range',
      path,
      `${pathText(path)} has more than ${MOST_ELEVATED} commands`,
      'A list nobody can read grants what nobody meant; write arguments as {NAME}.',
    );
  return given.map((entry, i) => elevatedRule(where, [...path, i], entry));
}

function elevatedRule(where: Where, at: Path, entry: ElevatedInFile): ElevatedRule {
  const run = typeof entry.run === 'string' ? wordsOf(entry.run) : entry.run;
  const refuse = (problem: string, hint: string, key = 'run'): never => {
    throw where.document.failure('bad-elevated', [...at, key], `${pathText([...at, key])} ${problem}`, hint);
  };
  if (run === undefined) return refuse('has a quote that is not closed', 'Close it, or write a list of words.');
  const types = Object.entries(entry.with ?? {}).map(([name, type]): [string, ArgumentType] => [
    name,
    argumentType(where, [...at, 'with', name], type),
  ]);
  const rule: ElevatedRule = {
    run,
    with: Object.fromEntries(types),
    as: entry.as,
    ask: entry.ask ?? true,
    time:
      entry.time === undefined
        ? ELEVATED_TIME.usual
        : settled(where, 'out-of-range', [...at, 'time'], duration(entry.time, ELEVATED_TIME)),
  };
  const why = whyNotElevated(rule);
  if (why) return refuse(why.problem, why.hint);
  const never = notElevated(run[0] ?? '');
  if (never) return refuse(`names ${quoted(run[0])}: it is ${never}`, 'Name a program that does one thing.');
  if (isOurUser(entry.as))
    return refuse(`is ${quoted(entry.as)}, the user of an agent or program of ours`, 'Name another user.', 'as');
  return rule;
}

function argumentType(where: Where, at: Path, given: ArgumentInFile): ArgumentType {
  if ('from' in given) return { kind: 'integer', least: given.from, most: given.to };
  if ('characters' in given) return { kind: 'text', characters: given.characters, most: given.most };
  if ('below' in given) return { kind: 'path', below: given.below.replace(/\/+$/, '') };
  return { kind: 'words', words: given.map((one, i) => word(where, [...at, i], one)) };
}
