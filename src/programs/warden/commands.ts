import { ASK } from '../../model/ask-times.ts';
import { Failure } from '../../model/failure.ts';
import { agentName } from '../../model/names.ts';
import type { Question } from '../../model/question.ts';
import { type CommandTerms, commandSubject } from '../../policy/question/command.ts';
import type { StandingFleet } from './fleet.ts';
import type { Inbox } from './inbox.ts';

type Frame = Readonly<Record<string, unknown>>;

/** Questions for commands: the exec gate puts them, and holds who asked until they are answered. */
export class Commands {
  readonly #inbox: Inbox;
  readonly #fleet: StandingFleet;

  /** @param answered  tells the gate */
  constructor(inbox: Inbox, fleet: StandingFleet, answered: (question: number, state: string) => void) {
    this.#inbox = inbox;
    this.#fleet = fleet;
    inbox.onChange((question: Question, was) => {
      if (question.kind === 'command' && question.state !== was?.state) answered(question.id, question.state);
    });
  }

  /** @throws Failure for an agent that may not ask, or where it cannot be recorded */
  async ask(frame: Frame): Promise<{ state: string; id?: number; why?: string }> {
    const name = agentName(frame.agent);
    const agent = this.#fleet.wanted?.agents.find((one) => one.name === name);
    if (agent === undefined || (agent.exec.ask === 'never' && agent.exec.own !== 'ask' && !agent.exec.askArgv?.length))
      throw new Failure('not-askable', 'This cannot be asked for.', 'Allow it in fleet.yaml: exec.allow.', 1);
    const subject = commandSubject(name, frame.terms as CommandTerms);
    const outcome = await this.#inbox.ask(subject, agent.ask?.deadline ?? ASK.deadline);
    if (outcome.state === 'flood') return outcome;
    return { state: outcome.state, id: outcome.question.id };
  }

  /** Recorded, and on disk, when this returns. @throws Failure: it is not started */
  async use(frame: Frame): Promise<void> {
    const agent = agentName(frame.agent);
    const question = this.#inbox.get(Number(frame.question));
    if (question.agent !== agent || question.kind !== 'command')
      throw new Failure('not-granted', `Approval ${question.id} is not for this.`, 'Ask again.', 1);
    await this.#inbox.use(question.id);
  }
}
