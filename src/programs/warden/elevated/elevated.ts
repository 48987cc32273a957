import { badElevatedPath, digestOf, elevatedUser } from '../../../host/elevate/elevated-programs.ts';
import { ASK } from '../../../model/ask-times.ts';
import type { ElevatedRule } from '../../../model/elevated.ts';
import { Failure } from '../../../model/failure.ts';
import type { WantedAgent } from '../../../model/fleet.ts';
import { agentName } from '../../../model/names.ts';
import type { Question } from '../../../model/question.ts';
import { redactArgv } from '../../../policy/command/redact.ts';
import { type ElevatedMatch, matchElevated } from '../../../policy/elevated/match.ts';
import { type ElevatedTerms, elevatedSubject, shownElevated } from '../../../policy/question/elevated.ts';
import type { ElevatedProgram } from '../../../tiers/facts.ts';
import type { Inbox } from '../inbox/inbox.ts';
import { ElevatedRefusals } from './elevated-refusals.ts';
import { ElevatedRuns, type RunSurroundings } from './elevated-runs.ts';

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

export interface Surroundings extends RunSurroundings {
  readonly inbox: Inbox;
  readonly agent: (name: string) => WantedAgent | undefined;
  /** As they were when `bulkhead up` was run, in the order of the agent's rules. */
  readonly pinned: (agent: WantedAgent) => readonly (ElevatedProgram | undefined)[];
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
  readonly runs: ElevatedRuns;
  readonly #waiting = new Map<number, ((state: string) => void)[]>();
  #next = 1;

  constructor(around: Surroundings) {
    this.#around = around;
    this.runs = new ElevatedRuns(around);
    this.#refusals = new ElevatedRefusals(around.record, (agent, text) => around.inbox.onFinding(agent, text));
    around.inbox.onChange((question, was) => this.#changed(question, was));
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
    const number = Number(rawTicket);
    try {
      return await this.runs.start({ ...ticket, number, mustStand: () => this.#mustStand(ticket) });
    } finally {
      this.#drop(number);
    }
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
    return this.runs.of(agent) + promised >= MOST_AT_ONCE;
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
    if (question.state === 'withdrawn') this.runs.end(question.id); // what runs under it ends
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
