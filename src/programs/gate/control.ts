import { closeSync } from 'node:fs';
import { Failure, failureDocument } from '../../model/failure.ts';
import { agentName } from '../../model/names.ts';
import type { QuestionState } from '../../model/question.ts';
import type { Client } from '../../wire/client.ts';
import type { AgentPolicy } from '../../wire/gate-policy.ts';
import { receiveDescriptors, sendDescriptors } from '../../wire/handover.ts';
import { Asking } from './asking.ts';
import type { Copies } from './copies.ts';
import type { FromHot, ListenerFacts, ToHot } from './messages.ts';
import { OwnTries } from './own-tries.ts';

/** Between the warden, who keeps the questions, and the hot thread, who holds those who wait. */
export class Control {
  readonly #warden: Client;
  readonly #descriptors: number;
  readonly #copies: Copies;
  readonly #own: OwnTries;
  readonly #asking: Asking;
  readonly #say: (message: ToHot) => void;
  readonly #policies = new Map<string, AgentPolicy>();

  constructor(warden: Client, descriptors: number, copies: Copies, say: (message: ToHot) => void) {
    this.#warden = warden;
    this.#descriptors = descriptors;
    this.#copies = copies;
    this.#own = new OwnTries(warden, copies, say);
    this.#asking = new Asking({ warden, descriptors }, copies, this.#policies, say);
    this.#say = say;
    warden.onNotice = (notice) => this.#notice(notice as Record<string, unknown>);
  }

  heard(message: FromHot): void {
    if (message.tell === 'asked') void this.#asking.ask(message);
    else if (message.tell === 'own') this.#own.tried(message);
    else if (message.tell === 'uncover') this.#own.asked(message.ticket);
    else if (message.tell === 'forget') this.#own.forget(message.ticket);
    else if (message.tell === 'left') this.#asking.drop(message);
    else if (message.tell === 'gone') {
      closeSync(message.fd);
      void this.#warden.call('listener.gone', { number: message.number });
    } else this.#keep(message);
  }

  /** The warden holds every listener as well, so that the next gate can go on with it. */
  #keep({ number, fd, agent, device, inode, asks }: ListenerFacts): void {
    sendDescriptors(this.#descriptors, [fd]);
    void this.#warden.call('listener.keep', { number, agent, device, inode, asks });
  }

  #notice(frame: Record<string, unknown>): void {
    const { id } = frame;
    try {
      this.#obey(frame);
      this.#warden.reply({ id, ok: {} });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.#warden.reply({ id, error: failureDocument(error) });
    }
  }

  #obey(frame: Record<string, unknown>): void {
    switch (frame.do) {
      case 'policy': {
        const policies = frame.agents as readonly AgentPolicy[];
        this.#policies.clear();
        this.#copies.policies(policies, frame.up === true);
        for (const policy of policies) this.#policies.set(policy.agent, policy);
        this.#say({ do: 'policies', policies });
        return;
      }
      case 'listener': {
        const [fd] = receiveDescriptors(this.#descriptors);
        if (fd === undefined) throw new Error('no listener came');
        const { number, agent, device, inode, asks } = frame as unknown as Omit<ListenerFacts, 'fd'>;
        this.#say({ do: 'listener', number, fd, agent, device, inode, asks });
        return;
      }
      case 'tree': {
        const [fd] = receiveDescriptors(this.#descriptors);
        if (fd === undefined) throw new Error('no tree came');
        this.#copies.names.give(agentName(frame.agent), fd);
        return;
      }
      case 'begin':
        this.#say({ do: 'begin' });
        return;
      case 'pause':
        this.#say({ do: 'pause', agent: agentName(frame.agent), paused: frame.paused === true });
        return;
      case 'answered':
        void this.#asking.answered(Number(frame.question), frame.state as QuestionState);
        return;
      case 'status':
        return;
      default:
        throw new Failure('unknown-request', `the gate knows no request ${String(frame.do)}`, 'Run bulkhead up again.');
    }
  }
}
