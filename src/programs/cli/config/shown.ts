/** Characters that change how the rest of a line is shown: C0 and C1 controls, marks and overrides of direction (Unicode UAX 9),
 *  separators, zero-width ones. A file that has them does not read as it parses. */
export const INVISIBLE: RegExp = /[\p{Cc}\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u;
const EVERY = new RegExp(INVISIBLE, 'gu');

/** Foreign text in quotes on one line of a message, cut, nothing in it able to move the cursor. */
export function shown(value: unknown, most: number = 60): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  const cut = text.length > most ? `${text.slice(0, most)}...` : text;
  if (typeof value !== 'string') return escaped(cut);
  return escaped(JSON.stringify(cut.toWellFormed()));
}

function escaped(text: string): string {
  return text.replace(EVERY, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export type Path = readonly (string | number)[];

/** `agents.herald.egress[0]`; keys that are not plain words are quoted. */
export function pathText(path: Path): string {
  if (path.length === 0) return 'the file';
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += `${text === '' ? '' : '.'}${/^[\w-]{1,60}$/.test(step) ? step : shown(step)}`;
  }
  return text;
}
