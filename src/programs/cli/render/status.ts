import type {
  AgentStatus,
  Broken,
  MeasuredWall,
  ProgramStatus,
  SecretFinding,
  StatusDocument,
} from '../../../model/documents.ts';
import { type Enforcement, WALLS } from '../../../model/enforcement.ts';
import { sshText } from '../../../model/ssh-binding.ts';
import { age, span } from '../../../policy/age.ts';
import { shown } from '../../../policy/display.ts';
import type { Format, Screen } from '../call.ts';
import { waitingLines } from './approvals.ts';
import { mend } from './ssh-keys.ts';
import { aligned, type Cell, cell, table, wrapped } from './table.ts';

const STYLE: Readonly<Record<Enforcement['level'], Format>> = {
  full: 'green',
  partial: 'yellow',
  none: ['red', 'bold'],
  unknown: ['red', 'bold'],
};
const WORST_FIRST = ['none', 'unknown', 'partial', 'full'] as const;

/** Nothing runs in it, so there is nothing to measure and nothing is claimed. */
const DOWN: readonly string[] = ['stopped', 'failed', 'down'];

/** The walls as they may be claimed: one that was not measured, or not reported, is unknown, whatever else is said of it. */
function claimable(agent: AgentStatus): MeasuredWall[] {
  const reported = agent.walls.map(
    (wall): MeasuredWall =>
      wall.level === 'unknown' || (wall.probedAt !== undefined && Number.isFinite(Date.parse(wall.probedAt)))
        ? wall
        : { wall: wall.wall, level: 'unknown', why: 'no time of measurement came with it' },
  );
  if (DOWN.includes(agent.state)) return reported.filter(({ level }) => level !== 'unknown');
  const absent = WALLS.filter((name) => !reported.some(({ wall }) => wall === name));
  return [...reported, ...absent.map((wall) => ({ wall, level: 'unknown', why: 'never measured' }) as const)];
}

/** 1 when a wall is not there or not known, an agent is down that nobody stopped, one of our programs does not run, or something of
 *  theirs is broken. */
export function statusExit(status: StatusDocument): 0 | 1 {
  const red = status.agents.flatMap(claimable).some(({ level }) => level === 'none' || level === 'unknown');
  const fallen = status.agents.some(({ state }) => DOWN.includes(state) && state !== 'stopped');
  const ill = status.agents.some(({ health }) => health?.ok === false);
  if ((status.broken ?? []).length > 0) return 1;
  return red || ill || fallen || status.programs.some((program) => program.state !== 'running') ? 1 : 0;
}

/** One row for an agent; below, a line for each wall that does not stand in full. */
export function renderStatus(status: StatusDocument, screen: Screen): string {
  const lines: string[] = [];
  if (status.agents.length === 0) lines.push(`Fleet ${status.fleet} has no agents.`);
  else
    lines.push(
      ...table(
        ['AGENT', 'STATE', 'FOR', 'TIER', 'MEASURED', 'WALLS'],
        status.agents.map((agent) => row(agent, screen)),
        screen,
      ),
    );
  const notes = [...status.agents.flatMap(notesOf), ...(status.findings ?? []).map(findingNote)];
  if (notes.length > 0) lines.push('', ...aligned(notes, screen));
  const waiting = waitingLines(status.waiting ?? [], screen);
  if (waiting.length > 0) lines.push('', ...waiting);
  lines.push('', ...broken(status.broken ?? [], screen), ...programs(status.programs, screen));
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
  if (walls.length === 0) return '-';
  return times.length === 0 ? 'never' : age(screen.now - Math.min(...times));
}

function summary(walls: readonly MeasuredWall[]): Cell {
  if (walls.length === 0) return cell('no compartment stands', 'dim');
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

/** Agent, wall, level, and why: a row for all that is not as it should be. */
function notesOf(agent: AgentStatus): Cell[][] {
  const notes: Cell[][] = [];
  const note = (wall: string, word: string, style: Format, why: string): void =>
    void notes.push([cell(`  ${agent.name}`), cell(wall), cell(word, style), cell(why)]);
  if (agent.why !== undefined) note('', agent.state, 'yellow', agent.why);
  if (agent.health?.ok === false)
    note('', 'unhealthy', 'red', `its service: ${agent.health.why ?? 'no reason was given'}`);
  if (agent.outside) {
    const { may, running } = agent.outside;
    const now = running > 0 ? `; ${running} now` : '';
    note(
      '',
      'outside',
      'yellow',
      `${may.length === 1 ? 'one command' : `${may.length} commands`} may run outside for it${now}`,
    );
  }
  for (const { variable, secret } of agent.missing ?? [])
    note(
      '',
      'no secret',
      'yellow',
      `${variable} is not set, so requests with it are refused: bulkhead secrets set ${secret}`,
    );
  for (const { over, text } of agent.budget ?? []) note('', 'budget', over ? 'red' : 'yellow', text);
  for (const key of agent.ssh ?? [])
    if (key.fingerprint === undefined) note('', 'no ssh key', 'red', `${sshText(key)}: ${mend(key)}`);
    else note('', 'ssh key', 'dim', `${sshText(key)} with ${key.fingerprint}`);
  if (agent.restarts) note('', 'restarted', 'yellow', times(agent.restarts));
  const walls = claimable(agent);
  const same = Map.groupBy(
    walls.filter(({ level }) => level !== 'full'),
    ({ level, missing, why }) =>
      `${level}: ${(level === 'partial' ? missing?.join('; ') : why) || 'no reason was given'}`,
  );
  for (const [key, group] of same) {
    const level = group[0]?.level ?? 'unknown';
    const names =
      group.length === walls.length && walls.length > 2 ? 'every wall' : group.map(({ wall }) => wall).join(', ');
    note(names, level, STYLE[level], key.slice(level.length + 2));
  }
  return notes;
}

function findingNote({ secret, text }: SecretFinding): Cell[] {
  return [cell(`  ${secret}`), cell('secret'), cell('look', 'yellow'), cell(text)];
}

function broken(all: readonly Broken[], screen: Screen): string[] {
  return all.flatMap(({ what, mend }) => [
    ...wrapped(what, screen.width).map((line) => screen.style(['red', 'bold'], line)),
    `Mend it: ${shown(mend)}`,
  ]);
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

function programs(all: readonly ProgramStatus[], screen: Screen): string[] {
  const running = all
    .filter(({ state }) => state === 'running')
    .map(({ name, pid }) => (pid ? `${name} (${pid})` : name));
  const lines = running.length === 0 ? [] : wrapped(`Running: ${running.join(', ')}`, screen.width);
  for (const { name, state, restarts, pid } of all) {
    if (state === 'running') continue;
    const often = restarts ? `, restarted ${times(restarts)}` : '';
    const [text = ''] = wrapped(
      `${name}${pid ? ` (${pid})` : ''} is ${state}${often}. The reason is in: bulkhead logs ${name}`,
      1000,
    );
    lines.push(screen.style(['red', 'bold'], text));
  }
  return lines;
}
