import { shown, shownArgv } from '../../../policy/display.ts';
import type { Format, Screen } from '../call.ts';

/** One entry of the ledger. Beyond these fields the event decides what is there. */
export interface LedgerEntry {
  readonly index: number;
  /** ISO 8601, UTC, milliseconds. */
  readonly time: string;
  readonly event: string;
  readonly agent?: string;
  readonly by?: string;
  readonly [field: string]: unknown;
}

/** Said in columns of their own, or of no interest to a reader of lines. */
const APART = ['index', 'time', 'event', 'agent', 'by'];
/** First what was done, then to what, then why; the rest in the order of the entry. */
const FIRST = ['text', 'argv', 'program', 'name', 'host', 'port', 'address', 'path', 'wall', 'level', 'id', 'result'];

function importance(event: string, entry: LedgerEntry): Format | undefined {
  if (event === 'gap' || event === 'step.failed' || entry.result === 'breached') return ['red', 'bold'];
  if (/\.(?:denied|refused)$/u.test(event)) return 'yellow';
  return undefined;
}

/** One line: index, time, agent, event, then the fields; every text in it escaped. */
export function renderEntry(entry: LedgerEntry, screen: Screen): string {
  const event = shown(String(entry.event));
  const style = importance(event, entry);
  const columns = [
    screen.style('dim', `${entry.index}`.padStart(6)),
    screen.style('dim', shown(String(entry.time).replace('T', ' '))),
    shown(entry.agent ?? '-').padEnd(12),
    style === undefined ? event.padEnd(16) : screen.style(style, event) + ' '.repeat(Math.max(0, 16 - event.length)),
    fields(entry),
  ];
  return columns.join('  ').trimEnd();
}

function fields(entry: LedgerEntry): string {
  const names = Object.keys(entry).filter((name) => !APART.includes(name));
  const rank = (name: string): number => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  names.sort((a, b) => rank(a) - rank(b));
  if (typeof entry.host === 'string' && typeof entry.port === 'number' && names.includes('port')) {
    const rest = names.filter((name) => name !== 'host' && name !== 'port');
    return [`${shown(entry.host)}:${entry.port}`, ...rest.map((name) => field(name, entry[name]))].join(' ');
  }
  return names.map((name) => field(name, entry[name])).join(' ');
}

function field(name: string, value: unknown): string {
  if (name === 'text') return shown(String(value));
  if (name === 'argv' && Array.isArray(value)) return shownArgv(value.map(String));
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const plain = /^[^\s"=]+$/u.test(text);
  return `${shown(name)}=${plain ? shown(text) : shown(typeof value === 'string' ? JSON.stringify(value) : text)}`;
}
