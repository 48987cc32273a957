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

/** Entries as lines: index, time of day (UTC), agent, event, fields; a line for each new day. Columns are as wide as the widest so
 *  far, so that those that follow stay in line with those before. */
export class EntryLines {
  readonly #screen: Screen;
  #day = '';
  #widths = { index: 1, agent: 1, event: 1 };

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  lines(entries: readonly LedgerEntry[]): string[] {
    for (const entry of entries) {
      const { index, agent, event } = this.#widths;
      this.#widths = {
        index: Math.max(index, String(entry.index).length),
        agent: Math.max(agent, shown(entry.agent ?? '-').length),
        event: Math.max(event, shown(String(entry.event)).length),
      };
    }
    return entries.flatMap((entry) => this.#one(entry));
  }

  #one(entry: LedgerEntry): string[] {
    const { style } = this.#screen;
    const [day = '', time = ''] = shown(String(entry.time)).split('T');
    const event = shown(String(entry.event));
    const look = importance(event, entry);
    const columns = [
      style('dim', String(entry.index).padStart(this.#widths.index)),
      style('dim', time.replace('Z', '')),
      shown(entry.agent ?? '-').padEnd(this.#widths.agent),
      `${look === undefined ? event : style(look, event)}${' '.repeat(this.#widths.event - event.length)}`,
      fields(entry),
    ];
    const heading = day === this.#day ? [] : [style('dim', `-- ${day} (UTC)`)];
    this.#day = day;
    return [...heading, columns.join('  ').trimEnd()];
  }
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
