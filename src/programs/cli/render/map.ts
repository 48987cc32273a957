import type { BlastRadius, MapDocument } from '../../../model/documents.ts';
import type { Screen } from '../call.ts';
import { columns, wrapped } from './table.ts';

export function renderMap({ agents }: MapDocument, screen: Screen): string {
  if (agents.length === 0) return 'The fleet has no agents.';
  return agents.map((agent) => one(agent, screen)).join('\n\n');
}

function one(agent: BlastRadius, screen: Screen): string {
  const { run, spend } = agent;
  const rows: [string, readonly string[]][] = [
    ['read', agent.read],
    ['write', agent.write],
    ['run', programsText(run)],
    ['code', [CODE[run.code](run.because.join(', '))]],
    ['reach', agent.reach.length > 0 ? agent.reach : ['no network']],
    ...(agent.outside ? [['outside', agent.outside] as [string, readonly string[]]] : []),
    [
      'spend',
      [
        `${bytes(spend.memory)} memory`,
        `${spend.processes} processes`,
        `${spend.cpu}% of a processor`,
        `${bytes(spend.disk)} disk`,
        ...(spend.budget ?? []).map((one) => `${one} a day`),
      ],
    ],
    ...(agent.use ? [['use', agent.use] as [string, readonly string[]]] : []),
    ['ask', agent.ask.length > 0 ? agent.ask : ['nothing: what is not granted is refused']],
  ];
  const lines = [...wrapped(agent.sentence, screen.width).map((line) => screen.style('bold', line)), ''];
  for (const [name, parts] of rows) {
    const apart = ONE_BY_ONE.includes(name) && parts.some((part) => /[(,]/.test(part));
    if (apart) for (const [i, part] of parts.entries()) lines.push(...row(i === 0 ? name : '', part, screen));
    else lines.push(...row(name, parts.join(', '), screen));
  }
  lines.push('');
  for (const { claim, walls, proven, why } of agent.cannot) {
    const head = proven ? 'cannot' : 'unproven';
    const text = proven ? `${claim} (${walls.join(', ')}: measured)` : `cannot ${claim}: ${why}`;
    lines.push(...row(head, text, screen, proven ? 'green' : 'red'));
  }
  return lines.join('\n');
}

/** Where one of them says more than a name, each has a line of its own. */
const ONE_BY_ONE = ['reach', 'outside', 'use'];
const HEAD = 10;

function row(head: string, text: string, screen: Screen, style: 'green' | 'red' | 'dim' = 'dim'): string[] {
  const [first = '', ...rest] = wrapped(text, Math.max(20, screen.width - HEAD - 2));
  return [
    `  ${screen.style(style, head)}${' '.repeat(HEAD - columns(head))}${first}`,
    ...rest.map((line) => `  ${' '.repeat(HEAD)}${line}`),
  ];
}

const CODE: Readonly<Record<BlastRadius['run']['code'], (because: string) => string>> = {
  any: (because) => `any, through ${because}`,
  shell: (because) => `scripts (${because}) that start only these programs`,
  listed: () => 'none of its own',
};

function programsText({ sets, allow, deny, own, all: everything }: BlastRadius['run']): string[] {
  const named = sets.length === 0 ? [] : [`the ${sets.length === 1 ? 'set' : 'sets'} ${sets.join(', ')}`];
  const built = own === 'never' ? [] : ['what it builds in its workspace'];
  const all = [...(everything ? ['every program of this machine'] : [...named, ...allow]), ...built];
  return [...(all.length > 0 ? all : ['no programs']), ...(deny.length > 0 ? [`without ${deny.join(', ')}`] : [])];
}

/** Binary units, as limits are written: 2G is 2 times 1024 cubed. */
export function bytes(count: number): string {
  const units = ['B', 'K', 'M', 'G', 'T'];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Math.round(value * 10) / 10}${units[unit]}`;
}
