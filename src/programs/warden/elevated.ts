import { mkdirSync, readdirSync } from 'node:fs';
import { removeCgroup } from '../../host/cgroup-life.ts';
import { type CgroupRoots, unifiedFolder } from '../../host/cgroup-roots.ts';
import { type Elevation, elevate } from '../../host/elevate.ts';
import { badElevatedPath, digestOf, elevatedUser } from '../../host/elevated-programs.ts';
import { ASK } from '../../model/ask-times.ts';
import type { ElevatedRule } from '../../model/elevated.ts';
import { Failure } from '../../model/failure.ts';
import type { WantedAgent } from '../../model/fleet.ts';
import { agentName } from '../../model/names.ts';
import type { Question } from '../../model/question.ts';
import { redactArgv } from '../../policy/command/redact.ts';
import { type ElevatedMatch, matchElevated } from '../../policy/elevated/match.ts';
import { type ElevatedTerms, elevatedSubject, shownElevated } from '../../policy/question/elevated.ts';
import type { ElevatedProgram } from '../../tiers/facts.ts';
import { ElevatedRefusals } from './elevated-refusals.ts';
import type { Inbox } from './inbox.ts';
import type { Record } from './record.ts';

/** What a question came to that is not to be waited for any more. */
const NOT_APPROVED: { readonly [state: string]: string } = {
  refused: 'a person refused it',
  expired: 'nobody answered in time',
  withdrawn: 'its approval was taken back',
  used: 'its approval was used by another call',
};
/** Running, and about to, of one agent. */
const MOST_AT_ONCE = 16;
/** A yes that nobody starts lapses. */
const TICKET_MS = 30_000;
const MOST_WORDS = 64;
const MOST_BYTES = 64 * 1024;

/** What an agent's call comes to. `no`: the one line that it is told. */
export type Verdict =
  | { readonly state: 'go'; readonly ticket: number }
  | { readonly state: 'no'; readonly line: string; readonly waits?: number };

export interface Surroundings {
  readonly inbox: Inbox;
  readonly record: Pick<Record, 'write' | 'tell'>;
  readonly cgroups: CgroupRoots;
  readonly fleet: () => string | undefined;
  readonly agent: (name: string) => WantedAgent | undefined;
  /** As they were when `bulkhead up` was run, in the order of the agent's rules. */
  readonly pinned: (agent: WantedAgent) => readonly (ElevatedProgram | undefined)[];
  readonly note: (text: string) => void;
}

/** On its way to be started: whoever takes its approval back meanwhile stops it there. */
interface Starting {
  readonly agent: string;
  readonly question?: number;
  stopped?: true;
}

interface Ticket {
  readonly agent: string;
  readonly rule: ElevatedRule;
  readonly terms: ElevatedTerms;
  readonly via: string;
  readonly question?: number;
  readonly timer: NodeJS.Timeout;
  taken?: true;
}

/** Commands that run outside for agents: judged by their exact words, asked for where policy says so, recorded, then run. */
export class Elevated {
  readonly #around: Surroundings;
  readonly #refusals: ElevatedRefusals;
  readonly #tickets = new Map<number, Ticket>();
  readonly #starting = new Set<Starting>();
  readonly #running = new Map<number, { readonly agent: string; readonly question?: number; readonly it: Elevation }>();
  readonly #waiting = new Map<number, ((state: string) => void)[]>();
  #next = 1;

  constructor(around: Surroundings) {
    this.#around = around;
    this.#refusals = new ElevatedRefusals(around.record, (agent, text) => around.inbox.onFinding(agent, text));
    around.inbox.onChange((question, was) => this.#changed(question, was));
  }

  /** What an earlier warden left is ended: nobody passes its bytes any more. */
  async begin(): Promise<void> {
    const { cgroups, note } = this.#around;
    for (const name of this.#leftovers())
      await removeCgroup(cgroups, name).catch((error: Error) => note(`an elevated command is left: ${error.message}`));
  }

  /** Judges, and asks where a person decides: resolves when there is an answer, or after the agent's `ask.wait`.
   *  @param argv  bytes, one a character (latin1), the command's program first */
  async ask(rawAgent: unknown, rawArgv: unknown, via: string): Promise<Verdict> {
    const name = agentName(rawAgent);
    const argv = wordsFrom(rawArgv);
    const agent = this.#around.agent(name);
    const match = argv && agent && matchElevated(agent.elevated ?? [], argv);
    if (!argv || !agent || !match)
      return this.#no(name, argv ?? [], 'no elevated command of fleet.yaml is this one', via);
    const program = this.#around.pinned(agent)[match.index];
    const why = whyNot(match, program);
    if (why !== undefined || !program) return this.#no(name, argv, why ?? 'bulkhead up has not looked at it', via);
    const terms = { argv, as: match.rule.as, program: { path: program.file, digest: program.digest } };
    if (!match.rule.ask) return this.#go({ agent: name, rule: match.rule, terms, via });
    const outcome = await this.#around.inbox.ask(elevatedSubject(name, terms), agent.ask?.deadline ?? ASK.deadline);
    if (outcome.state === 'flood') return this.#no(name, argv, outcome.why, via);
    const { id } = outcome.question;
    const state =
      outcome.state === 'asked' ? await this.#answer(id, agent.ask?.wait ?? ASK.wait) : (outcome.state as string);
    if (state === 'approved') return this.#go({ agent: name, rule: match.rule, terms, via, question: id });
    if (state !== 'asked')
      return this.#no(name, argv, `${NOT_APPROVED[state] ?? `it is ${state}`} (question ${id})`, via);
    const shown = shownElevated({ ...terms, argv: redactArgv(argv) });
    const short = shown.length <= 200 ? shown : `${shown.slice(0, 200)}...`;
    return {
      state: 'no',
      line: `bulkhead: waiting for approval ${id} (${short}); run it again once approved`,
      waits: id,
    };
  }

  /** Runs what was judged: used up, then recorded, then started. @returns its socket, the caller's. @throws Failure: nothing is started */
  async start(rawTicket: unknown): Promise<number> {
    const ticket = this.#tickets.get(Number(rawTicket));
    if (!ticket || ticket.taken) throw new Failure('no-ticket', 'the answer came too late', 'Run it again.', 1);
    ticket.taken = true;
    const run = Number(rawTicket);
    try {
      return await this.#start(run, ticket);
    } finally {
      this.#drop(run);
    }
  }

  async #start(run: number, ticket: Ticket): Promise<number> {
    const { agent, question } = ticket;
    const starting: Starting = { agent, ...(question !== undefined && { question }) };
    this.#starting.add(starting);
    try {
      this.#mustStand(ticket);
      if (question !== undefined) await this.#around.inbox.use(question);
      return await this.#startUsed(run, ticket, starting);
    } finally {
      this.#starting.delete(starting);
    }
  }

  async #startUsed(run: number, ticket: Ticket, starting: Starting): Promise<number> {
    const { agent, rule, terms, via, question } = ticket;
    const about = {
      ...{ run, agent, argv: redactArgv(terms.argv), as: terms.as, path: terms.program.path },
      ...(question !== undefined && { question }),
    };
    const spent = { digest: terms.program.digest, rule: rule.run.join(' '), via };
    await this.#around.record.write({ event: 'elevated.started', ...about, ...spent });
    const begun = Date.now();
    try {
      if (starting.stopped) throw new Failure('not-allowed', 'its approval was taken back', 'Ask again.', 1);
      const { it, cgroup } = this.#execute(run, ticket);
      this.#running.set(run, { agent, it, ...(question !== undefined && { question }) });
      void it.ended.then(async (end) => {
        this.#running.delete(run);
        this.#around.record.tell({ event: 'elevated.ended', ...about, ...end, ms: Date.now() - begun });
        await removeCgroup(this.#around.cgroups, cgroup).catch((error: Error) => this.#around.note(error.message));
      });
      return it.socket;
    } catch (error) {
      this.#around.record.tell({ event: 'elevated.ended', ...about, notStarted: (error as Error).message, ms: 0 });
      throw error;
    }
  }

  /** What was recorded is started only if it still stands. @throws Failure */
  #execute(run: number, ticket: Ticket): { it: Elevation; cgroup: string } {
    this.#mustStand(ticket);
    const { rule, terms } = ticket;
    const user = elevatedUser(terms.as);
    if (!user) throw new Failure('no-user', `there is no user ${terms.as} on this machine`, 'Run bulkhead plan.', 1);
    const cgroup = this.#cgroup(run);
    const folder = unifiedFolder(this.#around.cgroups, cgroup);
    if (folder === undefined)
      throw new Failure('no-cgroup', 'there is no unified cgroup hierarchy', 'See: bulkhead doctor', 1);
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    return { cgroup, it: elevate({ file: terms.program.path, argv: terms.argv, user, cgroup: folder, ms: rule.time }) };
  }

  /** How many run, and for whom. */
  running(agent: string): number {
    return [...this.#running.values()].filter((one) => one.agent === agent).length;
  }

  /** A person may have taken minutes: what is started is what policy and disk say now. @throws Failure */
  #mustStand({ agent, terms, question }: Ticket): void {
    const wanted = this.#around.agent(agent);
    const match = wanted && matchElevated(wanted.elevated ?? [], terms.argv);
    const program = match && this.#around.pinned(wanted)[match.index];
    const same = match?.rule.as === terms.as && program?.digest === terms.program.digest;
    const asked = match && (question !== undefined || !match.rule.ask);
    const why = match && same && asked ? whyNot(match, program) : 'policy has changed meanwhile';
    if (why !== undefined) throw new Failure('not-allowed', why, 'Run it again.', 1);
  }

  /** Ends what runs under an approval, or is about to. @returns how many */
  end(question: number): number {
    return this.#end((one) => one.question === question).length;
  }

  /** Ends what runs, for everybody or one agent. */
  async stop(agent?: string): Promise<void> {
    await Promise.all(this.#end((one) => agent === undefined || one.agent === agent));
  }

  #end(which: (one: { readonly agent: string; readonly question?: number }) => boolean): unknown[] {
    const about = [...this.#starting].filter(which);
    for (const one of about) one.stopped = true;
    const under = [...this.#running.values()].filter(which);
    for (const { it } of under) it.stop();
    return [...about, ...under.map(({ it }) => it.ended)];
  }

  #go(ticket: Omit<Ticket, 'timer'>): Verdict {
    const { agent, terms, via } = ticket;
    if (this.#busy(agent)) return this.#no(agent, terms.argv, `${MOST_AT_ONCE} commands run for it already`, via);
    const number = this.#next++;
    const timer = setTimeout(() => this.#tickets.delete(number), TICKET_MS).unref();
    this.#tickets.set(number, { ...ticket, timer });
    return { state: 'go', ticket: number };
  }

  #drop(number: number): void {
    clearTimeout(this.#tickets.get(number)?.timer);
    this.#tickets.delete(number);
  }

  #busy(agent: string): boolean {
    const promised = [...this.#tickets.values()].filter((one) => one.agent === agent).length;
    return this.running(agent) + promised >= MOST_AT_ONCE;
  }

  #no(agent: string, argv: readonly string[], why: string, via: string): Verdict {
    this.#refusals.refused(agent, { argv, why, via });
    return { state: 'no', line: `bulkhead: not run outside: ${why}` };
  }

  /** What became of a question, or `asked` when nobody has answered in time. */
  #answer(id: number, ms: number): Promise<string> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle('asked'), ms);
      const settle = (state: string): void => {
        clearTimeout(timer);
        const rest = (this.#waiting.get(id) ?? []).filter((one) => one !== settle);
        if (rest.length > 0) this.#waiting.set(id, rest);
        else this.#waiting.delete(id);
        resolve(state);
      };
      this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), settle]);
    });
  }

  #changed(question: Question, was: Question | undefined): void {
    if (question.kind !== 'elevated' || question.state === was?.state) return;
    if (question.state !== 'asked') for (const settle of this.#waiting.get(question.id) ?? []) settle(question.state);
    if (question.state === 'withdrawn') this.end(question.id); // what runs under it ends
  }

  /** No agent's: a name never has two dashes. */
  #cgroup(run: number): string {
    return `bulkhead/${this.#around.fleet() ?? 'none'}/elevated--${run}`;
  }

  #leftovers(): string[] {
    const fleet = this.#around.fleet();
    const folder = fleet === undefined ? undefined : unifiedFolder(this.#around.cgroups, `bulkhead/${fleet}`);
    if (folder === undefined) return [];
    try {
      return readdirSync(folder)
        .filter((name) => name.startsWith('elevated--'))
        .map((name) => `bulkhead/${fleet}/${name}`);
    } catch {
      return []; // it is not there: neither is anything in it
    }
  }
}

function whyNot({ paths, rule }: ElevatedMatch, pinned: ElevatedProgram | undefined): string | undefined {
  if (!pinned) return 'bulkhead up has not looked at it';
  try {
    if (digestOf(pinned.file) !== pinned.digest) return `${pinned.file} is not what it was at bulkhead up`;
  } catch {
    return `${pinned.file} is not there any more`;
  }
  if (elevatedUser(rule.as) === undefined) return `there is no user ${rule.as} any more`;
  return paths.map(({ path }) => badElevatedPath(path)).find((why) => why !== undefined);
}

/** @returns undefined for what no rule could match anyway */
function wordsFrom(raw: unknown): string[] | undefined {
  if (!Array.isArray(raw) || raw.length === 0 || raw.length > MOST_WORDS) return undefined;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: bytes, one a character, without NUL
  if (!raw.every((word) => typeof word === 'string' && /^[\u0001-\u00ff]*$/.test(word))) return undefined;
  return raw.join('').length <= MOST_BYTES ? raw : undefined;
}
