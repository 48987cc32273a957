import { BULKHEAD_DO } from '../model/elevated.ts';
import { shownArgv } from './display.ts';
import { grantLine } from './egress.ts';

/** An entry of the ledger, as far as it matters here. */
export interface TriedEntry {
  readonly index: number;
  readonly time: string;
  readonly event: string;
  readonly agent?: string;
  readonly [field: string]: unknown;
}

/** One thing that an agent tried and was refused, however often. */
export interface Tried {
  readonly kind: 'destination' | 'name' | 'command';
  readonly what: string;
  readonly count: number;
  /** ISO 8601, UTC. */
  readonly last: string;
  /** Of the last time. */
  readonly why: string;
  /** The line of fleet.yaml, or the command, that would allow it; null where none would. */
  readonly allow: string | null;
}

/** The events that say that something was refused, and those that bound a drill. */
export const REFUSED: readonly string[] = ['egress.denied', 'dns.refused', 'exec.denied', 'elevated.refused'];
export const DRILLS: readonly string[] = ['drill.begin', 'drill.end'];

/** A drill whose end is not on record (the warden was killed) hides no more than this. */
const LONGEST_DRILL_MS = 60 * 60 * 1000;

/** What an agent tried by itself: what our own drills and tests tried in its compartment is left out.
 *  @param entries  of one agent, in any order
 *  @returns what was tried most often first */
export function tried(agent: string, entries: readonly TriedEntry[]): Tried[] {
  const mine = entries.filter((entry) => entry.agent === agent).sort((a, b) => a.index - b.index);
  const found = new Map<string, Tried>();
  let drilledUntil = Number.NEGATIVE_INFINITY;
  for (const entry of mine) {
    const at = Date.parse(entry.time);
    if (entry.event === 'drill.begin') drilledUntil = at + LONGEST_DRILL_MS;
    else if (entry.event === 'drill.end') drilledUntil = Number.NEGATIVE_INFINITY;
    if (at < drilledUntil || entry.test === true || entry.drill === true || !REFUSED.includes(entry.event)) continue;
    const one = read(agent, entry);
    if (one === undefined) continue;
    const key = `${one.kind} ${one.what}`;
    const before = found.get(key)?.count ?? 0;
    const count = typeof entry.count === 'number' ? entry.count : 1;
    found.set(key, { ...one, count: before + count, last: entry.time });
  }
  return [...found.values()].sort((a, b) => b.count - a.count || (a.what < b.what ? -1 : 1));
}

const GRANTABLE = /^no rule grants|is granted on port|^waiting for approval|^a person refused|^question \d+ was/;

/** Where the destination is granted and something else is wanting (src/policy/meter/caps.ts, place.ts). */
function mend(agent: string, why: string): string | null {
  const secret = /^the secret ([a-z0-9-]+) is not set$/.exec(why)?.[1];
  if (secret !== undefined) return `bulkhead secrets set ${secret}`;
  const model = /^the price of the model ([\w.:/-]+) is not known/.exec(why)?.[1];
  if (model !== undefined) return `prices: { "${model}": { input: ..., output: ... } }`;
  if (/^the same request came more than/.test(why)) return `agents.${agent}.budget: { repeats: MORE/2m }`;
  const budget = /^its budget of (\$?)\S+ (?:(requests?|runs?|tokens?) )?/.exec(why);
  if (budget === null) return null;
  const cap = budget[2] === undefined ? 'bytes' : `${budget[2].replace(/s$/, '')}s`;
  return `agents.${agent}.budget: ${budget[1] ? '{ money: $MORE/day }' : `{ ${cap}: MORE/day }`}`;
}

function read(agent: string, entry: TriedEntry): Omit<Tried, 'count' | 'last'> | undefined {
  const { host, port, name, path, argv, via } = entry;
  const why = String(entry.why ?? entry.rule ?? 'no reason was recorded');
  if (entry.event === 'egress.denied' && typeof host === 'string' && typeof port === 'number') {
    const what = `${host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`}${via === 'ntp' ? ' (time)' : ''}`;
    return {
      kind: 'destination',
      what,
      why,
      allow: GRANTABLE.test(why)
        ? grantLine(agent, { host, port, literal: false, ...(via === 'ntp' && { protocol: via }) })
        : mend(agent, why),
    };
  }
  if (entry.event === 'dns.refused' && typeof name === 'string') {
    const allow = /^no rule grants/.test(why) ? grantLine(agent, { host: name, port: 443, literal: false }) : null;
    return { kind: 'name', what: name, why, allow };
  }
  if (entry.event === 'elevated.refused') {
    const words = Array.isArray(argv) ? argv.map(String) : [];
    const what = shownArgv(['bulkhead-do', ...words]);
    const run = /^no elevated command/.test(why) ? `agents.${agent}.elevated: [{ run: ..., as: USER }]` : null;
    return { kind: 'command', what, why, allow: run };
  }
  if (entry.event !== 'exec.denied' || typeof path !== 'string') return undefined;
  if (path === BULKHEAD_DO) return undefined; // the warden has said it, with its reason
  const words = Array.isArray(argv) ? argv.map(String) : [path];
  const program = path.slice(path.lastIndexOf('/') + 1);
  const listed = /among the programs/.test(why);
  return {
    kind: 'command',
    what: shownArgv(words),
    why,
    allow: listed ? `agents.${agent}.exec.allow: [${program}]` : null,
  };
}
