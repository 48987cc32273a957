import { ASK } from '../../../model/ask-times.ts';
import { Failure } from '../../../model/failure.ts';
import { agentName } from '../../../model/names.ts';
import type { Question } from '../../../model/question.ts';
import type { Standing } from '../../../policy/approval.ts';
import { type CommandTerms, commandSubject } from '../../../policy/question/command.ts';
import type { StandingFleet } from '../fleet.ts';
import type { Inbox } from '../inbox/inbox.ts';
import type { Running } from '../sessions/running.ts';

type Frame = Readonly<Record<string, unknown>>;

/** Questions for commands: the exec gate puts them, and holds who asked until they are answered. */
export class Commands {
  readonly #inbox: Inbox;
  readonly #fleet: StandingFleet;
  readonly #running: Running;

  /** @param answered  tells the gate */
  constructor(
    inbox: Inbox,
    fleet: StandingFleet,
    running: Running,
    answered: (question: number, state: string) => void,
  ) {
    this.#inbox = inbox;
    this.#fleet = fleet;
    this.#running = running;
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

  /** What would become of an attempt; nothing comes of looking. */
  look(frame: Frame): { standing: Standing; id?: number } {
    const { standing, question } = this.#inbox.standingOf(
      commandSubject(agentName(frame.agent), frame.terms as CommandTerms),
    );
    return question ? { standing, id: question.id } : { standing };
  }

  /** Recorded, and on disk, when this returns. @param process  what is started by it, held until then
   *  @throws Failure: it is not started */
  async use(frame: Frame, process: number): Promise<void> {
    const id = Number(frame.question);
    this.#running.add(id, process); // before it is in force: who revokes meanwhile ends it, too
    try {
      const agent = agentName(frame.agent);
      const question = this.#inbox.get(id);
      if (question.agent !== agent || question.kind !== 'command')
        throw new Failure('not-granted', `Approval ${question.id} is not for this.`, 'Ask again.', 1);
      await this.#inbox.use(question.id);
    } catch (error) {
      this.#running.drop(id, process);
      throw error;
    }
  }
}
