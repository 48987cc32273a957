import { shown } from '../../../policy/display.ts';

/** Characters that make a file read otherwise than it parses: C0 and C1 controls, embeddings, overrides and isolates of
 *  direction (Unicode UAX 9), separators that only some programs take for line ends, byte order marks, halves
 *  of surrogate pairs. */
export const INVISIBLE: RegExp = /[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069\ufeff]/u;

/** Foreign text or data in a message: on one line, text in quotes, cut at `most` characters, nothing in it hidden. */
export function quoted(value: unknown, most: number = 60): string {
  if (typeof value !== 'string') return shown((JSON.stringify(value) ?? String(value)).slice(0, most));
  return shown(JSON.stringify(value.length > most ? `${value.slice(0, most)}...` : value));
}

export type Path = readonly (string | number)[];

/** `agents.herald.egress[0]`; keys that are not plain words are quoted. */
export function pathText(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += `${text === '' ? '' : '.'}${/^[\w-]{1,60}$/.test(step) ? step : quoted(step)}`;
  }
  return text === '' ? 'the file' : text;
}
