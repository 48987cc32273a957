import { type Entry, GLOBAL, GROUPS, type Option } from './table.ts';

const HELP: Option = { flags: '-h, --help', summary: 'this text' };

export function usage(entry: Entry): string {
  return ['bulkhead', entry.name, entry.reads ?? entry.operands, entry.options?.length ? '[options]' : undefined]
    .filter(Boolean)
    .join(' ');
}

/** Two columns, the first as wide as its longest. */
function columns(rows: readonly (readonly [string, string])[], least = 0): string[] {
  const width = Math.max(least, ...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

function optionRows(options: readonly Option[]): (readonly [string, string])[] {
  return options.map(({ flags, summary }) => [flags.startsWith('--') ? `    ${flags}` : flags, summary] as const);
}

function commandRow(entry: Entry): readonly [string, string] {
  return [[entry.name, entry.reads ?? entry.operands].filter(Boolean).join(' '), entry.summary];
}

export function helpOfAll(table: readonly Entry[]): string {
  const widest = Math.max(...table.map((entry) => commandRow(entry)[0].length));
  const lines = ['Bulkhead runs AI agents in compartments that the operating system enforces.', ''];
  lines.push('Usage: bulkhead COMMAND [operands] [options]', '');
  for (const group of GROUPS) {
    const members = table.filter((entry) => entry.group === group);
    if (members.length > 0) lines.push(`${group}:`, ...columns(members.map(commandRow), widest), '');
  }
  const shared = [...GLOBAL, HELP, { flags: '--version', summary: 'the version' }];
  lines.push('options of every command:', ...columns(optionRows(shared), widest), '');
  lines.push('exit status: 0 done, 1 the answer is no, 2 wrong usage or configuration, 3 this machine cannot', '');
  const examples = table.flatMap((entry) => entry.examples?.slice(0, 1) ?? []).slice(0, 6);
  lines.push('examples:', ...examples.map((example) => `  ${example}`));
  return lines.join('\n');
}

export function helpOfFamily(first: string, members: readonly Entry[]): string {
  return [`Usage: bulkhead ${first} COMMAND [options]`, '', ...columns(members.map(commandRow))].join('\n');
}

export function helpOf(entry: Entry): string {
  const lines = [
    `Usage: ${usage(entry)}`,
    '',
    `${entry.summary.charAt(0).toUpperCase()}${entry.summary.slice(1)}.`,
    '',
  ];
  lines.push('options:', ...columns(optionRows([...(entry.options ?? []), ...GLOBAL, HELP])));
  if (entry.examples?.length) lines.push('', 'examples:', ...entry.examples.map((example) => `  ${example}`));
  return lines.join('\n');
}
