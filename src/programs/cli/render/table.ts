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

/** Rows under a head. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[], screen: Screen): string[] {
  return aligned([head.map((text) => cell(text, 'dim')), ...rows], screen);
}

/** Each column as wide as its longest cell, two spaces between; the last is wrapped to the screen. */
export function aligned(rows: readonly (readonly Cell[])[], screen: Screen): string[] {
  const most = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: most - 1 }, (_, i) =>
    Math.max(...rows.map((row) => columns(shown(row[i]?.text ?? '')))),
  );
  const before = widths.reduce((sum, width) => sum + width + 2, 0);
  return rows.flatMap((row) => {
    const dressed = (text: string, style: Format | undefined): string =>
      style === undefined || text === '' ? text : screen.style(style, text);
    const left = widths.map((width, i) => {
      const text = shown(row[i]?.text ?? '');
      return `${dressed(text, row[i]?.style)}${' '.repeat(width - columns(text))}  `;
    });
    const last = row[most - 1];
    const [first = '', ...rest] = wrapped(last?.text ?? '', Math.max(30, screen.width - before));
    return [
      `${left.join('')}${dressed(first, last?.style)}`.trimEnd(),
      ...rest.map((line) => `${' '.repeat(before)}${dressed(line, last?.style)}`),
    ];
  });
}

/** East Asian wide characters and pictographs take two columns, combining marks none. Near enough for names and hosts. */
export function columns(text: string): number {
  let width = 0;
  for (const character of text.replace(/\p{M}/gu, '')) width += WIDE.test(character) ? 2 : 1;
  return width;
}
const WIDE =
  /[\u{1100}-\u{115f}\u{2e80}-\u{a4cf}\u{ac00}-\u{d7a3}\u{f900}-\u{faff}\u{fe30}-\u{fe6f}\u{ff00}-\u{ff60}\u{ffe0}-\u{ffe6}\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** Words over lines of at most `width` columns, each after the first indented by `hang`. A command at the end, which is to be copied, is one word
 *  if it fits. */
export function wrapped(text: string, width: number, hang = ''): string[] {
  const lines: string[] = [];
  let line = '';
  const [, before = '', command = ''] = /^(.* )?(bulkhead(?: [\w./-]+)+)$/s.exec(shown(text)) ?? [];
  const words =
    before !== '' && columns(command) <= width ? [...before.trimEnd().split(' '), command] : shown(text).split(' ');
  for (const word of words) {
    if (line.trim() !== '' && columns(line) + 1 + columns(word) > width) {
      lines.push(line);
      line = `${hang}${word}`;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
