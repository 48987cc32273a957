import { shown } from '../../../policy/display.ts';
import type { Format, Screen } from '../call.ts';

/** One cell: what it says, and how. Text is escaped here, so that a style can only come from us. */
export interface Cell {
  readonly text: string;
  readonly style?: Format;
}

export function cell(text: string, style?: Format): Cell {
  return style === undefined ? { text } : { text, style };
}

/** Rows under a head, each column as wide as its longest cell, two spaces between, nothing after the last. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[], screen: Screen): string[] {
  return aligned([head.map((text) => cell(text, 'dim')), ...rows], screen);
}

export function aligned(rows: readonly (readonly Cell[])[], screen: Screen): string[] {
  const texts = rows.map((row) => row.map(({ text }) => shown(text)));
  const most = Math.max(0, ...texts.map((row) => row.length));
  const widths = Array.from({ length: most }, (_, i) => Math.max(...texts.map((row) => columns(row[i] ?? ''))));
  return rows.map((row, r) =>
    row
      .map(({ style }, i) => {
        const text = texts[r]?.[i] ?? '';
        const dressed = style === undefined ? text : screen.style(style, text);
        return i === row.length - 1 ? dressed : dressed + ' '.repeat((widths[i] ?? 0) - columns(text));
      })
      .join('  ')
      .trimEnd(),
  );
}

/** East Asian wide characters and pictographs take two columns, combining marks none. Near enough for names and hosts. */
export function columns(text: string): number {
  let width = 0;
  for (const character of text.replace(/\p{M}/gu, '')) width += WIDE.test(character) ? 2 : 1;
  return width;
}
const WIDE =
  /[\u{1100}-\u{115f}\u{2e80}-\u{a4cf}\u{ac00}-\u{d7a3}\u{f900}-\u{faff}\u{fe30}-\u{fe6f}\u{ff00}-\u{ff60}\u{ffe0}-\u{ffe6}\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** Words over lines of at most `width` columns, each after the first indented by `hang`. */
export function wrapped(text: string, width: number, hang = ''): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of shown(text).split(' ')) {
    if (line.trim() !== '' && columns(line) + 1 + columns(word) > width) {
      lines.push(line);
      line = `${hang}${word}`;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
