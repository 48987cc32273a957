import { closeSync } from 'node:fs';
import { argumentOf, callOf, EXECVEAT, idOf, pidOf } from '../../host/gate/seccomp-notify.ts';
import type { CommandPolicy } from '../../policy/command/judge.ts';
import { runsStub } from './asker.ts';
import { ByFile } from './by-file.ts';
import type { Endings } from './endings.ts';
import type { Flight } from './flight.ts';
import { FloodCounts } from './flood-counts.ts';
import { Holding } from './held.ts';
import type { Journal } from './journal.ts';
import type { FromHot, ListenerFacts, ToHot } from './messages.ts';
import { OwnStubs } from './own-stubs.ts';
import { Replies } from './replies.ts';
import { type Standing, standing } from './standing.ts';
import { StubQuestions } from './stub-questions.ts';

const AT_EMPTY_PATH = 0x1000n;

/** Each question comes here, and what the other thread says to those that are held. */
export class Answers {
  readonly #flight: Flight;
  readonly #journal: Journal;
  readonly #holding: Holding;
  readonly #own: OwnStubs;
  readonly #replies: Replies;
  readonly #byFile: ByFile;
  readonly #stubs: StubQuestions;
  readonly #floods: FloodCounts;
  #policies: ReadonlyMap<string, Standing> = new Map();

  constructor(flight: Flight, journal: Journal, endings: Endings, tell: (message: FromHot) => void) {
    this.#flight = flight;
    this.#journal = journal;
    this.#holding = new Holding(flight, tell);
    this.#own = new OwnStubs(tell);
    this.#replies = new Replies(this.#holding, journal, endings, this.#own);
    this.#floods = new FloodCounts((entry) => journal.write(entry));
    this.#byFile = new ByFile(flight, journal, this.#floods, this.#holding, this.#own, tell);
    this.#stubs = new StubQuestions(flight, this.#holding, this.#replies, this.#own, tell, (agent) =>
      this.#others(agent),
    );
  }

  /** Whether there is room to take a question and to record its answer. */
  mayTake(agent: string): boolean {
    return this.#holding.room(agent) && this.#journal.ready(agent);
  }

  take(message: Exclude<ToHot, { do: 'listener' | 'begin' }>): void {
    if (message.do === 'policies') {
      this.#policies = new Map(message.policies.map((policy) => [policy.agent, standing(policy)]));
      this.#stubs.forgetCopies();
    } else if (message.do === 'pin') this.#stubs.ready(message.agent, message.file, message);
    else if (message.do === 'record') this.#journal.write(message.record);
    else if (message.do === 'pause') this.#holding.pause(message.agent, message.paused);
    else if (message.do === 'go') this.#byFile.go(message, (agent) => this.#policies.get(agent));
    else if (message.do === 'shipped') this.#journal.shipped(message.bytes);
    else this.#answered(message);
  }

  /** @returns whether it was a long one */
  judge(place: number, facts: ListenerFacts): boolean {
    const question = this.#flight.at(place);
    const policy = this.#policies.get(facts.agent);
    const byStub =
      callOf(question) === EXECVEAT && argumentOf(question, 4) === AT_EMPTY_PATH && runsStub(pidOf(question), facts);
    if (!byStub) {
      this.#byFile.judge(place, facts, policy);
      return false;
    }
    const at = Number(BigInt.asIntN(32, argumentOf(question, 0)));
    return this.#stubs.judge({ place, id: idOf(question), facts, at }, policy);
  }

  *#others(agent: string): Generator<readonly [string, CommandPolicy]> {
    for (const [name, { commands }] of this.#policies) if (name !== agent) yield [name, commands];
  }

  /** Frees what was taken for those who were killed meanwhile. */
  look(): void {
    this.#own.look();
    this.#holding.look();
    this.#floods.look(performance.now());
  }

  #answered(message: Extract<ToHot, { do: 'run' | 'connect' | 'refuse' }>): void {
    const held = this.#holding.of(message);
    if (message.do === 'run') {
      if (held) {
        this.#stubs.script(message, message.file, message.own);
        this.#replies.start(held, message, message.file, message.record, message.approval);
      }
      closeSync(message.fd);
    } else if (message.do === 'connect') {
      if (held) this.#replies.connect(held, message.fd);
      else closeSync(message.fd); // nobody is there: what was started ends
    } else if (held) {
      const { line, record, flood } = message;
      const counted = flood !== undefined && this.#floods.refused(held.facts.agent, flood, performance.now());
      this.#replies.deny(held, line, counted ? undefined : record);
    }
  }
}
