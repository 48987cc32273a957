import { type Bounds, LONGEST_PATH, within } from './bounds.ts';
import { isPlainPath, isProgram } from './programs.ts';

/** A command that an agent may have run outside of its compartment, as another user: exactly these words, program first. `{name}` in a
 *  word stands for an argument, whose type is in `with`; a word holds at most one. */
export interface ElevatedRule {
  readonly run: readonly string[];
  readonly with: Readonly<Record<string, ArgumentType>>;
  /** A Unix user of the host. */
  readonly as: string;
  /** Whether a person is asked each time. */
  readonly ask: boolean;
  /** Milliseconds after which it is ended. */
  readonly time: number;
}

/** What may stand for an argument. Nothing but `words` ever begins with a dash: it can be no option. */
export type ArgumentType =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  /** In decimal, without leading zeros. */
  | { readonly kind: 'integer'; readonly least: number; readonly most: number }
  /** One to `most` of these characters, the first neither a dash nor a dot. */
  | { readonly kind: 'text'; readonly characters: string; readonly most: number }
  /** An absolute path below this folder, without `..`, that nobody but root can lead elsewhere. */
  | { readonly kind: 'path'; readonly below: string };

/** Where a compartment has the stub that asks for a command outside. */
export const BULKHEAD_DO = '/usr/bin/bulkhead-do';
export const ELEVATED_TIME: Bounds & { readonly usual: number } = {
  least: 1000,
  most: 24 * 3_600_000,
  usual: 600_000,
};
export const MOST_ELEVATED = 100;
const MOST_ELEVATED_WORDS = 64;
export const LONGEST_ELEVATED_WORD = 1024;
/** Of a text. */
const LENGTH: Bounds = { least: 1, most: 256 };
const INTEGER: Bounds = { least: 0, most: 1_000_000_000_000 };

/** A word in its parts; undefined `name`: it stands for itself alone. */
export interface ElevatedWord {
  readonly before: string;
  readonly name?: string;
  readonly after: string;
}

const PLACE = /\{([a-z][a-z0-9-]*)\}/;

export function elevatedWord(word: string): ElevatedWord {
  const found = PLACE.exec(word);
  if (!found) return { before: word, after: '' };
  const [all, name = ''] = found;
  return { before: word.slice(0, found.index), name, after: word.slice(found.index + all.length) };
}

/** A problem and what to do about it, each a sentence's end or a sentence. */
export interface ElevatedProblem {
  readonly problem: string;
  readonly hint: string;
}

/** Why a rule is none, as far as its text alone says; undefined: it is one. */
export function whyNotElevated(rule: Pick<ElevatedRule, 'run' | 'with'>): ElevatedProblem | undefined {
  const [program = '', ...rest] = rule.run;
  if (!isProgram(program) || PLACE.test(program))
    return {
      problem: `has ${JSON.stringify(program)} for its program`,
      hint: 'Name the program: a name (systemctl) or an absolute path; it takes no argument in braces.',
    };
  if (rule.run.length > MOST_ELEVATED_WORDS || rule.run.some((word) => word.length > LONGEST_ELEVATED_WORD))
    return { problem: 'is too long', hint: `At most ${MOST_ELEVATED_WORDS} words of ${LONGEST_ELEVATED_WORD}.` };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what no word may hold
  const control = rest.find((word) => /[\u0000-\u001f\u007f]/.test(word) || !word.isWellFormed());
  if (control !== undefined)
    return { problem: 'has a control character in a word', hint: 'Write visible characters only.' };
  const wild = rest.find((word) => /[*?]/.test(word));
  if (wild !== undefined)
    return {
      problem: `has the wildcard ${JSON.stringify(wild)} for an argument`,
      hint: 'A wildcard takes what nobody thought of: name an argument, {unit}, and what it may be, with: { unit: [web] }.',
    };
  const used = rest.map((word) => elevatedWord(word));
  if (used.some(({ after }) => PLACE.test(after)))
    return { problem: 'has two arguments in one word', hint: 'Write one {name} in a word.' };
  const names = new Set(used.flatMap(({ name }) => name ?? []));
  for (const name of names)
    if (!Object.hasOwn(rule.with, name))
      return {
        problem: `does not say what {${name}} may be`,
        hint: `Add with: { ${name}: [WORD, WORD] }, or { from: 1, to: 9 }, { characters: a-z0-9, most: 20 }, { below: /FOLDER }.`,
      };
  for (const [name, type] of Object.entries(rule.with)) {
    if (!names.has(name))
      return { problem: `has no {${name}}, which with describes`, hint: `Write {${name}} into run, or take it out.` };
    const why = whyNoType(type);
    if (why !== undefined) return { problem: `has a bad {${name}}: it ${why}`, hint: TYPES };
  }
  return undefined;
}

const TYPES =
  'An argument is a list of words, { from: 1, to: 9 }, { characters: a-z0-9, most: 20 } or { below: /FOLDER }.';

function whyNoType(type: ArgumentType): string | undefined {
  switch (type.kind) {
    case 'words':
      if (type.words.length === 0) return 'has no words';
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what no word may hold
      return type.words.some((one) => one === '' || /[*?\u0000-\u001f\u007f]/.test(one) || !one.isWellFormed())
        ? 'has a word that is empty, has a wildcard or cannot be seen'
        : undefined;
    case 'integer':
      return within(type.least, INTEGER) && within(type.most, INTEGER) && type.least <= type.most
        ? undefined
        : `is no range of whole numbers from 0 to ${INTEGER.most}`;
    case 'text':
      if (!within(type.most, LENGTH)) return `is not at most 1 to ${LENGTH.most} characters long`;
      return characterSet(type.characters) === undefined
        ? 'names characters that are none: letters, digits and @%+=:,._- with ranges such as a-z; no slash'
        : undefined;
    case 'path':
      return type.below !== '/' && type.below.length <= LONGEST_PATH && isPlainPath(type.below)
        ? undefined
        : 'is not below a folder: give an absolute path without ".."';
  }
}

/** The characters that `a-z0-9_.-` stands for: a dash between two letters or digits is a range, else itself. */
export function characterSet(text: string): ReadonlySet<string> | undefined {
  if (!/^[A-Za-z0-9@%+=:,._-]{1,100}$/.test(text)) return undefined;
  const found = new Set<string>();
  for (let i = 0; i < text.length; i++) {
    const first = text.charAt(i);
    const last = text.charAt(i + 2);
    if (text.charAt(i + 1) === '-' && /[a-z]{2}|[A-Z]{2}|[0-9]{2}/.test(first + last)) {
      if (first > last) return undefined;
      for (let code = first.charCodeAt(0); code <= last.charCodeAt(0); code++) found.add(String.fromCharCode(code));
      i += 2;
    } else found.add(first);
  }
  return found;
}
