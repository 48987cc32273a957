import type { AgentStatus, MeasuredWall, ProgramStatus, StatusDocument } from '../../../model/documents.ts';
import { type Enforcement, WALLS } from '../../../model/enforcement.ts';
import { age, span } from '../../../policy/age.ts';
import type { Format, Screen } from '../call.ts';
import { type Cell, cell, table, wrapped } from './table.ts';

const STYLE: Readonly<Record<Enforcement['level'], Format>> = {
  full: 'green',
  partial: 'yellow',
  none: ['red', 'bold'],
  unknown: ['red', 'bold'],
};
const WORST_FIRST = ['none', 'unknown', 'partial', 'full'] as const;

/** Nothing stands, and nothing is claimed. */
const DOWN: readonly string[] = ['stopped', 'failed'];

/** The walls as they may be claimed: one that was not measured, or not reported, is unknown, whatever else is said of it. */
export function claimable(agent: AgentStatus): MeasuredWall[] {
  const reported = agent.walls.map(
    (wall): MeasuredWall =>
      wall.level === 'unknown' || (wall.probedAt !== undefined && Number.isFinite(Date.parse(wall.probedAt)))
        ? wall
        : { wall: wall.wall, level: 'unknown', why: 'no time of measurement came with it' },
  );
  if (DOWN.includes(agent.state)) return reported;
  const absent = WALLS.filter((name) => !reported.some(({ wall }) => wall === name));
  return [...reported, ...absent.map((wall) => ({ wall, level: 'unknown', why: 'never measured' }) as const)];
}

/** 1 when a wall is not there or not known, or one of our programs does not run. */
export function statusExit(status: StatusDocument): 0 | 1 {
  const red = status.agents.flatMap(claimable).some(({ level }) => level === 'none' || level === 'unknown');
  return red || status.programs.some((program) => program.state !== 'running') ? 1 : 0;
}

/** One row for an agent; below, a line for each wall that does not stand in full. */
export function renderStatus(status: StatusDocument, screen: Screen): string {
  const lines: string[] = [];
  if (status.agents.length === 0) lines.push(`Fleet ${status.fleet} has no agents.`);
  else
    lines.push(
      ...table(
        ['AGENT', 'STATE', 'SINCE', 'TIER', 'MEASURED', 'WALLS'],
        status.agents.map((agent) => row(agent, screen)),
        screen,
      ),
    );
  const notes = status.agents.flatMap((agent) => notesOf(agent, screen));
  if (notes.length > 0) lines.push('', ...notes);
  lines.push('', ...programs(status.programs, screen));
  return lines.join('\n');
}

function row(agent: AgentStatus, screen: Screen): Cell[] {
  const walls = claimable(agent);
  return [
    cell(agent.name, 'bold'),
    cell(agent.state, agent.state === 'running' ? undefined : agent.state === 'failed' ? 'red' : 'yellow'),
    cell(agent.since === undefined ? '' : span(screen.now - Date.parse(agent.since))),
    cell(agent.tier),
    cell(measured(walls, screen)),
    summary(walls),
  ];
}

/** The age of the oldest measurement: no wall is known to be better than that. */
function measured(walls: readonly MeasuredWall[], screen: Screen): string {
  const times = walls.flatMap(({ probedAt }) => (probedAt === undefined ? [] : [Date.parse(probedAt)]));
  return times.length === 0 ? 'never' : age(screen.now - Math.min(...times));
}

function summary(walls: readonly MeasuredWall[]): Cell {
  if (walls.length === 0) return cell('none to measure', 'dim');
  const by = Object.groupBy(walls, ({ level }) => level);
  const worst = WORST_FIRST.find((level) => by[level] !== undefined) ?? 'unknown';
  const parts = WORST_FIRST.flatMap((level) => {
    const found = by[level];
    if (found === undefined) return [];
    if (found.length === walls.length) return [`all ${walls.length} ${level}`];
    return [level === 'full' ? `${found.length} full` : `${found.map(({ wall }) => wall).join(', ')} ${level}`];
  });
  return cell(parts.join('; '), STYLE[worst]);
}

function notesOf(agent: AgentStatus, screen: Screen): string[] {
  const lines: string[] = [];
  const note = (head: string, text: string, style: Format): void => {
    const [first = '', ...rest] = wrapped(`${head}: ${text}`, screen.width, '    ');
    lines.push(screen.style(style, first), ...rest);
  };
  if (agent.why !== undefined) note(`${agent.name} is ${agent.state}`, agent.why, 'yellow');
  if (agent.restarts)
    note(agent.name, `restarted ${agent.restarts === 1 ? 'once' : `${agent.restarts} times`}`, 'yellow');
  for (const { wall, level, missing, why } of claimable(agent)) {
    if (level === 'full') continue;
    const text =
      level === 'partial' ? `lacks ${(missing ?? ['what is not said']).join(', ')}` : (why ?? 'no reason given');
    note(`${agent.name}: ${wall} ${level === 'none' ? 'does not stand' : `is ${level}`}`, text, STYLE[level]);
  }
  return lines;
}

function programs(all: readonly ProgramStatus[], screen: Screen): string[] {
  const running = all
    .filter(({ state }) => state === 'running')
    .map(({ name, pid }) => (pid ? `${name} (${pid})` : name));
  const lines = running.length === 0 ? [] : wrapped(`Running: ${running.join(', ')}`, screen.width);
  for (const { name, state, restarts } of all) {
    if (state === 'running') continue;
    const often = restarts ? `, restarted ${restarts === 1 ? 'once' : `${restarts} times`}` : '';
    const [text = ''] = wrapped(`${name} is ${state}${often}. The reason is in: bulkhead logs ${name}`, 1000);
    lines.push(screen.style(['red', 'bold'], text));
  }
  return lines;
}
