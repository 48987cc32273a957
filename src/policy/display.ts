/** How foreign text (names, argv, log lines, hosts) is shown on a terminal or page. Whoever wrote the text controls every code
 *  unit of it: escape sequences, bidirectional overrides and invisible characters would let it draw something else than it is. */

/** Unicode general category C (control, format with all bidi and zero-width ones, lone surrogates, private use, unassigned),
 *  line and paragraph separators, fillers and braille blank that draw nothing, and the start of what looks like our escape. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\u{115f}\u{1160}\u{2800}\u{3164}\u{ffa0}]|\\(?=u\{)/gu;

function visible(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** @returns the text with everything that is not seen as itself written \u{hex}; two different texts never look the same so */
export function shown(text: string): string {
  return text.replace(UNSEEN, visible);
}

/** ECMA-48 "select graphic rendition": colours and weight, nothing that moves the cursor. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
const COLOUR = /\u{1b}\[[0-9;:]*m/gu;

/** A line of a program's own output: its colours are dropped, tabs become spaces, all else is `shown`. */
export function shownLine(line: string): string {
  return shown(
    line
      .replace(/\r?\n?$/u, '')
      .replace(COLOUR, '')
      .replaceAll('\t', '    '),
  );
}

/** Needs no quotes in any shell. */
const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/u;

/** An argv as one line that a person can read word by word; single quotes where a word is not plain. */
export function shownArgv(argv: readonly string[]): string {
  return argv.map((word) => (PLAIN.test(word) ? word : `'${shown(word).replaceAll("'", "'\\''")}'`)).join(' ');
}

/** JSON that is harmless on a terminal too: what `shown` would escape is written \uXXXX, which every parser reads back. */
export function shownJson(document: unknown, indent = 0): string {
  return JSON.stringify(document, undefined, indent).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) =>
    character === '\n'
      ? character
      : [...units(character)].map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join(''),
  );
}

function* units(character: string): Generator<number> {
  for (let i = 0; i < character.length; i++) yield character.charCodeAt(i);
}
