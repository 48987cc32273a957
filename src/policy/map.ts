import { CAPS } from '../model/budget.ts';
import type { BlastRadius, MeasuredWall, ProvenClaim } from '../model/documents.ts';
import type { Wall } from '../model/enforcement.ts';
import type { EgressRule, WantedAgent } from '../model/fleet.ts';
import type { SecretBinding } from '../model/secret-binding.ts';
import { type SshBinding, sshText } from '../model/ssh-binding.ts';
import { age } from './age.ts';
import { elevatedText } from './elevated/text.ts';
import { allowedPrograms } from './exec-sets.ts';
import { interpreter } from './interpreters.ts';
import { brief } from './meter/caps.ts';

/** What an agent could do if somebody else had taken it over completely: what policy grants it, and what the walls, as they were
 *  measured, keep from it. A `cannot` is said only of walls that a probe found standing in full.
 *  @param now  milliseconds since 1970
 *  @param approved  destinations that a person has approved, and that are in force
 *  @param programs  names or paths of what it may start, links followed if the caller can: an interpreter may hide behind one */
export function blastRadius(
  agent: WantedAgent,
  measured: readonly MeasuredWall[],
  now: number,
  programs: readonly string[] = allowedPrograms(agent.exec).programs,
  approved: readonly Approved[] = [],
): BlastRadius {
  const reached = [...agent.egress, ...approved];
  const run = runOf(agent, programs);
  const claims = CLAIMS.map((claim) => judge(claim, { ...agent, egress: reached }, measured));
  const times = CLAIMS.flatMap(({ walls }) => walls).flatMap((wall) => {
    const at = measured.find((found) => found.wall === wall)?.probedAt;
    return at === undefined || Number.isNaN(Date.parse(at)) ? [] : [Date.parse(at)];
  });
  const oldest = times.length === 0 ? undefined : Math.min(...times);
  return {
    name: agent.name,
    sentence: sentence({ ...agent, egress: reached }, run, claims, oldest === undefined ? undefined : now - oldest),
    read: [
      ...placesOf(agent),
      agent.tier === 'user' ? EVERYBODY_READS : 'the programs and libraries of this system',
      ...agent.knowledge.map(({ path }) => path),
    ],
    write: placesOf(agent),
    run,
    reach: [...agent.egress.map(grantText), ...approved.map((one) => `${destination(one)} (approval ${one.id})`)],
    spend: { ...agent.limits, ...budgetOf(agent) },
    ...(agent.elevated && { outside: agent.elevated.map(elevatedText) }),
    ...((agent.secrets ?? agent.ssh) && {
      use: [
        ...(agent.secrets ?? []).map((one) => `${secretUse(one)}, without holding it`),
        ...(agent.ssh ?? []).map(sshUse),
      ],
    }),
    ask: [
      ...(agent.egressAsk ? ['any other host, one by one (egress-ask)'] : []),
      ...(agent.budget?.ask && CAPS.some((cap) => agent.budget?.[cap] !== undefined)
        ? ['more of its budget, day by day']
        : []),
    ],
    cannot: claims,
    ...(oldest !== undefined && { measuredAt: new Date(oldest).toISOString() }),
  };
}

/** A destination that is granted by an answer, not by a rule. */
export interface Approved {
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

const EVERYBODY_READS = 'what everybody on this machine may read';
const ALL_PROGRAMS = 'every program of this machine';

function runOf({ exec, tier }: WantedAgent, programs: readonly string[]): BlastRadius['run'] {
  const all = tier === 'user' && exec.ask === 'never';
  const found = programs.flatMap((program) => interpreter(program) ?? []);
  const named = (kind: 'any' | 'shell'): string[] => [
    ...new Set(found.filter(({ code }) => code === kind).map(({ language }) => language)),
  ];
  const own = exec.own === 'never' ? [] : ['programs it has made itself'];
  const any = [...(all ? [ALL_PROGRAMS] : []), ...own, ...named('any')];
  const code = any.length > 0 ? 'any' : named('shell').length > 0 ? 'shell' : 'listed';
  const because = code === 'any' ? any : named('shell');
  return {
    code,
    because,
    sets: exec.sets,
    allow: exec.allow,
    deny: exec.deny,
    own: exec.own,
    ...(all && { all: true }),
  };
}

function placesOf({ name, workspace }: WantedAgent): string[] {
  const work = workspace.kind === 'shared' ? workspace.path : `the workspace of ${name}`;
  return [work, `the home of ${name}`];
}

function destination({ host, port, address, protocol }: EgressRule): string {
  const whole = `${host.includes(':') ? `[${host}]` : host}:${port}${protocol === undefined ? '' : ' for the time'}`;
  return address === undefined ? whole : `${whole} at ${address}`;
}

/** With what requests it is about, and what brought it. */
export function grantText(rule: EgressRule): string {
  const { methods, paths, query, types, from } = rule;
  const parameters = Object.entries(query ?? {}).map(([name, values]) => `?${name}=${values.join('|')}`);
  const terms = [methods?.join(' '), paths?.join(' '), ...parameters, types?.join(' ')].filter(Boolean).join(' ');
  const notes = [...(terms === '' ? [] : [`only ${terms}`]), ...(from === undefined ? [] : [from])];
  return destination(rule) + (notes.length === 0 ? '' : ` (${notes.join('; ')})`);
}

/** What it may have done with a secret that it does not hold. */
export function secretUse({ secret, host, port, methods, paths }: SecretBinding): string {
  const how = [...(methods ? [methods.join(' ')] : []), ...(paths ? [paths.join(' ')] : [])].join(' ');
  return `the secret ${secret} at ${destination({ host, port })}${how === '' ? '' : ` (${how})`}`;
}

/** The same for a key that signs logins. */
function sshUse(binding: SshBinding): string {
  return `an SSH key of its own for ${sshText(binding)}, without holding it`;
}

interface Claim {
  readonly says: (agent: WantedAgent) => string;
  readonly walls: readonly Wall[];
}

/** What each wall is there for. A claim that rests on several needs all of them. */
const CLAIMS: readonly Claim[] = [
  {
    says: ({ workspace, knowledge }) =>
      workspace.kind === 'shared' || knowledge.length > 0
        ? 'read anything else in your home, keys or other agents'
        : 'read your home, keys or other agents',
    walls: ['identity', 'files', 'processes'],
  },
  { says: ({ egress }) => (egress.length > 0 ? 'reach anything else' : 'reach any network'), walls: ['network'] },
  {
    says: ({ elevated }) => (elevated ? 'run anything else outside its compartment' : 'run outside its compartment'),
    walls: ['identity', 'processes', 'syscalls'],
  },
  { says: () => 'start programs that it was not given', walls: ['exec'] },
  { says: () => 'use more than its limits', walls: ['limits'] },
  { says: () => 'alter the record', walls: ['record'] },
];

function judge({ says, walls }: Claim, agent: WantedAgent, measured: readonly MeasuredWall[]): ProvenClaim {
  const doubts = walls.flatMap((wall) => {
    const doubt = doubtAbout(measured.find((found) => found.wall === wall));
    return doubt === undefined ? [] : [`${wall} ${doubt}`];
  });
  const claim = { claim: says(agent), walls };
  return doubts.length === 0 ? { ...claim, proven: true } : { ...claim, proven: false, why: doubts.join('; ') };
}

/** @returns undefined only for a wall that was measured, at a known time, and stood in full */
function doubtAbout(wall: MeasuredWall | undefined): string | undefined {
  if (wall === undefined || wall.probedAt === undefined || Number.isNaN(Date.parse(wall.probedAt)))
    return 'was not measured';
  switch (wall.level) {
    case 'full':
      return undefined;
    case 'partial':
      return `is partial: ${(wall.missing ?? []).join(', ') || 'what is missing is not said'}`;
    case 'none':
      return `does not stand: ${wall.why ?? 'no reason given'}`;
    case 'unknown':
      return `is unknown: ${wall.why ?? 'no reason given'}`;
  }
}

function sentence(
  agent: WantedAgent,
  run: BlastRadius['run'],
  claims: readonly ProvenClaim[],
  sinceMs: number | undefined,
): string {
  const can = [
    `change ${agent.workspace.kind === 'shared' ? agent.workspace.path : 'its own workspace'}`,
    ...(run.all ? [`read ${EVERYBODY_READS}`, `start ${ALL_PROGRAMS}`] : []),
    ...(run.code === 'any' ? ['run any code in its compartment'] : []),
    ...reachOf(agent.egress),
    ...spendOf(agent),
    ...outsideOf(agent),
  ];
  const proven = claims.filter((claim) => claim.proven).map(({ claim }) => claim);
  const open = claims.filter((claim) => !claim.proven);
  const parts = [`If ${agent.name} is fully hijacked it can ${list(can, 'and')}.`];
  if (proven.length > 0) parts.push(`It cannot ${list(proven, 'or')}.`);
  if (sinceMs === undefined) parts.push('What it cannot do is not proven: no wall was measured.');
  else {
    if (open.length > 0)
      parts.push(
        `Not proven: that it cannot ${list(
          open.map(({ claim, why }) => `${claim} (${why})`),
          'or',
        )}.`,
      );
    parts.push(`Measured ${age(sinceMs)}.`);
  }
  return parts.join(' ');
}

/** What needs no person is told apart from what does. */
function outsideOf({ elevated = [] }: WantedAgent): string[] {
  const users = (asked: boolean): string[] => [
    ...new Set(elevated.flatMap(({ as, ask }) => (ask === asked ? [as] : []))),
  ];
  const part = (asked: boolean): string[] => {
    const count = elevated.filter(({ ask }) => ask === asked).length;
    const commands = count === 1 ? 'one listed command' : `${count} listed commands`;
    return count === 0
      ? []
      : [`${asked ? 'ask to have' : 'have'} ${commands} run outside as ${list(users(asked), 'and')}`];
  };
  return [...part(false), ...part(true)];
}

function budgetOf({ budget }: WantedAgent): { budget?: readonly string[] } {
  const caps = CAPS.flatMap((cap) => (budget?.[cap] === undefined ? [] : [brief(cap, budget[cap])]));
  return caps.length > 0 ? { budget: caps } : {};
}

function spendOf(agent: WantedAgent): string[] {
  const { budget } = budgetOf(agent);
  return budget ? [`use up ${list(budget, 'and')} a day`] : [];
}

function reachOf(egress: readonly EgressRule[]): string[] {
  const hosts = [...new Set(egress.map(({ host }) => host))];
  const below = hosts.filter((host) => host.startsWith('*.')).map((host) => host.slice(2));
  const exact = hosts.filter((host) => !host.startsWith('*.'));
  const parts = [
    ...(exact.length === 1 ? [`${exact[0]}`] : exact.length > 1 ? [`${exact.length} hosts`] : []),
    ...(below.length > 0 ? [`every name below ${list(below, 'and')}`] : []),
  ];
  return parts.length > 0 ? [`reach ${list(parts, 'and')}`] : [];
}

/** `a, b and c`; another comma before the last where a part has one itself. */
function list(parts: readonly string[], word: 'and' | 'or'): string {
  if (parts.length < 2) return parts.join('');
  const comma = parts.some((part) => part.includes(',')) ? ',' : '';
  return `${parts.slice(0, -1).join(', ')}${comma} ${word} ${parts.at(-1)}`;
}
