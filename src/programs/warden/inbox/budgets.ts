import { ASK } from '../../../model/ask-times.ts';
import { Failure } from '../../../model/failure.ts';
import { agentName } from '../../../model/names.ts';
import type { Question, Scope } from '../../../model/question.ts';
import type { UsageDocument } from '../../../model/usage.ts';
import { standing } from '../../../policy/approval.ts';
import { dayEnd, localDay } from '../../../policy/meter/day.ts';
import { budgetSubject, budgetTerms } from '../../../policy/question/budget.ts';
import type { Request } from '../../../wire/serve.ts';
import { type Caller, PEOPLE } from '../caller.ts';
import type { StandingFleet } from '../fleet.ts';
import type { GatewayLink } from '../programs/gateway-link.ts';
import type { AskedReply } from './destinations.ts';
import type { Inbox } from './inbox.ts';

const MOST_DAYS = 400;

/** More than a budget: the gateway asks for it, and is told what people have given, all of it each time. The gateway counts; runs are counted
 *  there too, before they begin. */
export class Budgets {
  readonly #inbox: Inbox;
  readonly #fleet: Pick<StandingFleet, 'wanted'>;
  readonly #gateway: () => GatewayLink | undefined;
  readonly #note: (text: string) => void;
  #told: Promise<void> = Promise.resolve();

  constructor(
    inbox: Inbox,
    fleet: Pick<StandingFleet, 'wanted'>,
    gateway: () => GatewayLink | undefined,
    note: (text: string) => void,
  ) {
    this.#inbox = inbox;
    this.#fleet = fleet;
    this.#gateway = gateway;
    this.#note = note;
    inbox.onChange((question, was) => this.#changed(question, was));
  }

  /** @throws Failure for an agent that may not ask */
  async ask(rawAgent: unknown, rawTerms: unknown): Promise<AskedReply> {
    const terms = budgetTerms(rawTerms);
    const name = agentName(rawAgent);
    const agent = this.#fleet.wanted?.agents.find((one) => one.name === name);
    if (!terms || !agent?.budget?.ask || terms.day !== localDay(Date.now()))
      throw new Failure('not-askable', 'This cannot be asked for.', 'Change it in fleet.yaml: budget.', 1);
    const left = dayEnd(Date.now()) - Date.now();
    const outcome = await this.#inbox.ask(
      budgetSubject(name, terms),
      Math.min(agent.ask?.deadline ?? ASK.deadline, left),
    );
    if (outcome.state === 'flood') return outcome;
    if (outcome.state === 'approved') await this.tell();
    return { state: outcome.state, id: outcome.question.id, deadline: outcome.question.deadline };
  }

  /** Counted before it begins. @returns why it may not */
  async run(name: string): Promise<string | undefined> {
    const capped = this.#fleet.wanted?.agents.find((one) => one.name === name)?.budget?.runs !== undefined;
    const gateway = this.#gateway();
    const counted = gateway?.run(name) ?? Promise.reject(new Error('the gateway is not running'));
    if (capped)
      return counted.catch((error: Error) => `its runs cannot be counted, so none is begun: ${error.message}`);
    counted.catch(() => {}); // without a cap, a run that is not counted is a run all the same
    return undefined;
  }

  /** Gives the gateway what people have given. */
  async tell(gateway: GatewayLink | undefined = this.#gateway()): Promise<void> {
    const now = Date.now();
    const allowances = this.#inbox.standing().flatMap((question) => {
      const terms = question.kind === 'budget' ? budgetTerms(question.terms) : undefined;
      const given = terms?.day === localDay(now) && standing(question, now) === 'granted';
      return terms && given ? [{ id: question.id, agent: question.agent, ...terms }] : [];
    });
    await gateway?.allow(allowances);
  }

  /** Resolves when the gateway has what was decided so far. */
  settled(): Promise<void> {
    return this.#told;
  }

  async usage(rawAgent?: unknown, days: number = 1): Promise<UsageDocument> {
    const gateway = this.#gateway();
    if (gateway) return (await gateway.usage(rawAgent, days)) as UsageDocument;
    const hint = 'It is being started again; the reason is in: bulkhead logs gateway';
    throw new Failure(
      'no-gateway',
      'The gateway is not running, so nothing is used, and what was is not known.',
      hint,
      1,
    );
  }

  #changed(question: Question, was: Question | undefined): void {
    if (question.kind !== 'budget' || question.state === was?.state || question.state === 'asked') return;
    const { agent, id, state } = question;
    this.#told = this.#told
      .then(async () => {
        await this.tell();
        if (state === 'approved') await this.#inbox.use(id); // on record: it is in force
        if (state !== 'approved') await this.#gateway()?.answered(agent, id, state);
      })
      // A gateway that ends meanwhile is told when it is back.
      .catch((error: Error) =>
        this.#note(`what was decided about question ${id} is not all told or counted: ${error.message}`),
      );
  }
}

/** Yes to more is for the rest of that day, whatever is said: neither a single request nor another day. */
export function budgetScope({ kind, terms }: Question, scope: Scope, yes: boolean): Scope {
  if (kind !== 'budget' || !yes) return scope;
  const day = budgetTerms(terms)?.day ?? '';
  const ms = dayEnd(new Date(`${day}T12:00:00`).getTime()) - Date.now();
  if (!(ms > 0)) return scope; // over: it cannot be approved any more
  return { kind: 'for', ms: scope.kind === 'for' ? Math.min(scope.ms, ms) : ms };
}

export function usageRequests({
  budgets,
  fleet,
}: {
  readonly budgets: Budgets;
  readonly fleet: StandingFleet;
}): Readonly<{ [name: string]: Request<Caller> }> {
  return {
    usage: {
      from: PEOPLE,
      answer: ({ agent, days }) => {
        if (agent !== undefined) fleet.compartment(agentName(agent)); // says that there is none
        const many = Number.isSafeInteger(days) ? Math.min(Math.max(1, days as number), MOST_DAYS) : 1;
        return budgets.usage(agent, many);
      },
    },
  };
}
