import { existsSync, readFileSync, rmSync } from 'node:fs';
import { Failure } from '../../../model/failure.ts';
import type { Places } from '../../../plan/places.ts';
import type { LedgerEntry } from '../../../wire/ledger-client.ts';
import { LogFile } from './log-file.ts';

const PROGRAMS = ['warden', 'gate', 'gateway', 'ledger'] as const;

/** The logs of programs and agents, each opened when it is first needed. */
export class Logs {
  readonly #places: Places;
  readonly #open = new Map<string, LogFile>();

  constructor(places: Places) {
    this.#places = places;
  }

  ofProgram(name: (typeof PROGRAMS)[number]): LogFile {
    return this.#at(`${this.#places.logs}/${name}.log`);
  }

  ofAgent(name: string): LogFile {
    return this.#at(`${this.#places.agentLogs}/${name}.log`);
  }

  /** An agent that was let go leaves no log. */
  remove(agent: string): void {
    const { path } = this.ofAgent(agent);
    this.#open.get(path)?.close();
    this.#open.delete(path);
    for (const file of [path, `${path}.1`]) rmSync(file, { force: true });
  }

  /** An entry about something that had already happened could not be written: it must not vanish. */
  readonly lost = (entry: LedgerEntry, why: string): void => {
    this.ofProgram('warden').note(`not recorded (${why}): ${JSON.stringify(entry)}`);
  };

  /** @param agents  names of the fleet
   *  @returns the last lines, oldest first */
  tail(subject: string, agents: readonly string[], most: number): string[] {
    const file = this.#subject(subject, agents);
    const text = existsSync(file.path) ? readFileSync(file.path, 'utf8') : '';
    const before = text.length < 64_000 && existsSync(`${file.path}.1`) ? readFileSync(`${file.path}.1`, 'utf8') : '';
    return (before + text).split('\n').slice(0, -1).slice(-most);
  }

  follow(subject: string, agents: readonly string[], take: (text: string) => void): () => void {
    return this.#subject(subject, agents).watch(take);
  }

  #subject(subject: string, agents: readonly string[]): LogFile {
    if (agents.includes(subject)) return this.ofAgent(subject);
    const program = PROGRAMS.find((name) => name === subject);
    if (program) return this.ofProgram(program);
    throw new Failure(
      'no-such-log',
      `There is no agent or program ${JSON.stringify(subject.slice(0, 60))}.`,
      `There are: ${[...agents, ...PROGRAMS].join(', ')}`,
    );
  }

  #at(path: string): LogFile {
    const open = this.#open.get(path) ?? new LogFile(path);
    this.#open.set(path, open);
    return open;
  }
}
