import { PROGRAMS, type ProgramRow } from '../../src/programs/table.ts';

/** Who runs as whom, out of the one table that the programs themselves are held to. */

const BEGIN = /<!-- programs:begin[^>]*-->\n/;
const END = '<!-- programs:end -->';

/** README: one line a program, and who calls whom. */
export function picture(rows: readonly ProgramRow[] = PROGRAMS): string {
  const lines = [
    ['bulkhead (CLI)', 'the operator', 'nothing', 'warden, ledger'],
    ...rows.map(({ name, user, holds, mayCall }) => [name, user, holds, mayCall.join(', ') || 'nobody']),
    ['an agent', 'bh-FLEET-AGENT', 'nothing', 'gateway, from inside its own network namespace'],
  ];
  const head = ['program', 'runs as', 'holds', 'calls'];
  const width = head.map((title, i) => Math.max(title.length, ...lines.map((line) => (line[i] ?? '').length)));
  const text = [head, ...lines].map((line) =>
    line
      .map((cell, i) => cell.padEnd(width[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return ['```', text[0], '-'.repeat(Math.max(...text.map((line) => line.length))), ...text.slice(1), '```'].join('\n');
}

/** ARCHITECTURE: the whole table. */
export function programTable(rows: readonly ProgramRow[] = PROGRAMS): string {
  const body = rows.map(
    ({ name, user, privileges, holds, listens, socketMode, network, never }) =>
      `| \`${name}\` | ${user}${privileges === 'none' ? ', no capabilities' : ''} | ${holds} | ${listens}` +
      `${socketMode === undefined ? '' : ` (mode 0${socketMode.toString(8)})`} | ` +
      `${network === 'none' ? 'none' : "the host's"} | ${never} |`,
  );
  return ['| program | runs as | holds | listens on | network | never |', '|---|---|---|---|---|---|', ...body].join(
    '\n',
  );
}

/** @returns the document with what stands between its markers replaced */
export function withPicture(document: string, drawn: string): string {
  const begin = BEGIN.exec(document);
  const end = document.indexOf(END);
  if (!begin || end < begin.index) throw new Error('the markers of the picture are not there');
  return `${document.slice(0, begin.index + begin[0].length)}${drawn}\n${document.slice(end)}`;
}
