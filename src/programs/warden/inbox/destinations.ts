import { ASK } from '../../../model/ask-times.ts';
import { Failure } from '../../../model/failure.ts';
import type { WantedAgent } from '../../../model/fleet.ts';
import { agentName } from '../../../model/names.ts';
import type { Question } from '../../../model/question.ts';
import { standing } from '../../../policy/approval.ts';
import { type DestinationTerms, destinationSubject, destinationTerms } from '../../../policy/question/destination.ts';
import type { StandingFleet } from '../fleet.ts';
import type { DestinationGrant, GatewayLink } from '../programs/gateway-link.ts';
import type { Inbox } from './inbox.ts';
import { withdrawEach } from './withdrawing.ts';

/** What the gateway is told of a question it has put. */
export interface AskedReply {
  readonly state: 'asked' | 'approved' | 'refused' | 'flood';
  readonly id?: number;
  readonly why?: string;
  /** Milliseconds since 1970. */
  readonly deadline?: number;
}

/** What is needed of the gateway, and of the fleet. */
export type Told = Pick<GatewayLink, 'policy' | 'answered'>;
export type Asking = Pick<StandingFleet, 'wanted' | 'leases' | 'granted'>;

/** Questions for destinations: the gateway puts them, and is given the grants as part of its policy, at once. */
export class Destinations {
  readonly #inbox: Inbox;
  readonly #fleet: Asking;
  readonly #gateway: () => Told | undefined;
  #settled: Promise<void> = Promise.resolve();

  constructor(inbox: Inbox, fleet: Asking, gateway: () => Told | undefined) {
    this.#inbox = inbox;
    this.#fleet = fleet;
    this.#gateway = gateway;
    fleet.granted = () => this.#grants();
    inbox.onChange((question, was) => this.#changed(question, was));
  }

  /** @throws Failure for an agent that may not ask */
  async ask(rawAgent: unknown, rawTerms: unknown): Promise<AskedReply> {
    const { agent, terms } = this.#read(rawAgent, rawTerms);
    const deadlineMs = agent.ask?.deadline ?? ASK.deadline;
    const outcome = await this.#inbox.ask(destinationSubject(agent.name, terms), deadlineMs);
    if (outcome.state === 'flood') return outcome;
    const { id, deadline } = outcome.question;
    if (outcome.state === 'approved') await this.settled();
    return { state: outcome.state, id, deadline };
  }

  /** Recorded, and on disk, when this returns. @throws Failure: the connection is not made */
  async use(rawAgent: unknown, id: unknown): Promise<void> {
    const agent = agentName(rawAgent);
    const question = this.#inbox.get(Number(id));
    if (question.agent !== agent || question.kind !== 'destination')
      throw new Failure('not-granted', `Approval ${question.id} is not for this.`, 'Ask again.', 1);
    await this.#inbox.use(question.id);
  }

  /** Resolves when the gateway has what was decided so far. */
  settled(): Promise<void> {
    return this.#settled;
  }

  /** What policy no longer lets be asked for is taken back. */
  async prune(): Promise<void> {
    const agents = new Map(this.#fleet.wanted?.agents.map((agent) => [agent.name, agent]));
    const over = ({ agent, kind }: Question): boolean => {
      const wanted = agents.get(agent);
      return wanted === undefined || !asks(wanted, kind);
    };
    await withdrawEach(this.#inbox, over, 'policy does not ask any more');
    await this.settled();
  }

  #read(rawAgent: unknown, rawTerms: unknown): { agent: WantedAgent; terms: DestinationTerms } {
    const terms = destinationTerms(rawTerms);
    const name = agentName(rawAgent);
    const agent = this.#fleet.wanted?.agents.find((one) => one.name === name);
    if (!terms || !agent?.egressAsk)
      throw new Failure('not-askable', 'This cannot be asked for.', 'Grant it in fleet.yaml: egress.', 1);
    return { agent, terms };
  }

  #grants(): Map<string, DestinationGrant[]> {
    const now = Date.now();
    const grants = new Map<string, DestinationGrant[]>();
    for (const question of this.#inbox.standing()) {
      const terms = destinationTerms(question.terms);
      if (question.kind !== 'destination' || !terms || standing(question, now) !== 'granted') continue;
      const once = question.answer?.scope.kind === 'once';
      grants.set(question.agent, [...(grants.get(question.agent) ?? []), { id: question.id, ...terms, once }]);
    }
    return grants;
  }

  #changed(question: Question, was: Question | undefined): void {
    if (question.kind !== 'destination' || question.state === was?.state) return;
    const { id, agent, state } = question;
    this.#settled = this.#settled
      .then(async () => {
        const gateway = this.#gateway();
        if (!gateway || !this.#fleet.wanted) return; // it gets all of it when it comes up
        if (state !== 'asked') await gateway.policy(this.#fleet.wanted, this.#fleet.leases, this.#fleet.granted());
        if (state !== 'asked' && state !== 'approved') await gateway.answered(agent, id, state);
      })
      .catch(() => {}); // a gateway that ends meanwhile starts anew, with the policy as it is then
  }
}

/** Whether policy lets an agent raise questions of a kind. Kinds of later steps are not policy's yet. */
function asks({ egressAsk, exec, elevated, budget }: WantedAgent, kind: Question['kind']): boolean {
  if (kind === 'destination') return egressAsk === true;
  if (kind === 'budget') return budget?.ask === true;
  if (kind === 'elevated') return elevated?.some(({ ask }) => ask) === true;
  return kind !== 'command' || exec.ask !== 'never' || exec.own === 'ask' || (exec.askArgv?.length ?? 0) > 0;
}
