import { closeSync } from 'node:fs';
import { openProcess } from '../../host/pidfd.ts';
import { stillWaits } from '../../host/seccomp-notify.ts';
import { Failure, failureDocument } from '../../model/failure.ts';
import { agentName } from '../../model/names.ts';
import type { Standing } from '../../policy/approval.ts';
import { type CommandTerms, commandSubject, decidingEnvironment, shownCommand } from '../../policy/question/command.ts';
import type { Client } from '../../wire/client.ts';
import type { AgentPolicy } from '../../wire/gate-policy.ts';
import { receiveDescriptors, sendDescriptors } from '../../wire/handover.ts';
import type { Copies } from './copies.ts';
import type { Asked, Asker, FromHot, ListenerFacts, Pin, ToHot } from './messages.ts';
import { OwnTries } from './own-tries.ts';

/** What the warden says to a question. */
interface Reply {
  readonly state: 'asked' | 'approved' | 'refused' | 'flood';
  readonly id?: number;
  readonly why?: string;
}

/** What the warden says would become of an attempt. */
interface Look {
  readonly standing: Standing;
  readonly id?: number;
}
/** What it says to a command that is to run outside. */
interface OutsideReply {
  readonly state: 'go' | 'no';
  readonly ticket?: number;
  readonly line?: string;
}
/** No rule has more words. */
const MOST_OUTSIDE = 64;

interface Waiting {
  readonly asked: Asked;
  readonly pin: Pin;
  readonly terms: CommandTerms;
  readonly timer: NodeJS.Timeout;
}

/** Between the warden, who keeps the questions, and the hot thread, who holds those who wait. */
export class Control {
  readonly #warden: Client;
  readonly #descriptors: number;
  readonly #copies: Copies;
  readonly #own: OwnTries;
  readonly #say: (message: ToHot) => void;
  readonly #policies = new Map<string, AgentPolicy>();
  /** By number of the question. */
  readonly #waiting = new Map<number, Waiting[]>();
  readonly #left = new Set<string>();

  constructor(warden: Client, descriptors: number, copies: Copies, say: (message: ToHot) => void) {
    this.#warden = warden;
    this.#descriptors = descriptors;
    this.#copies = copies;
    this.#own = new OwnTries(warden, copies, say);
    this.#say = say;
    warden.onNotice = (notice) => this.#notice(notice as Record<string, unknown>);
  }

  heard(message: FromHot): void {
    if (message.tell === 'asked') void this.#ask(message);
    else if (message.tell === 'own') this.#own.tried(message);
    else if (message.tell === 'uncover') this.#own.asked(message.ticket);
    else if (message.tell === 'forget') this.#own.forget(message.ticket);
    else if (message.tell === 'left') this.#drop(message);
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
        this.#copies.policies(policies);
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
      case 'up':
        this.#copies.up();
        this.#say({ do: 'policies', policies: [...this.#policies.values()] }); // and what it knows of copies is forgotten
        return;
      case 'begin':
        this.#say({ do: 'begin' });
        return;
      case 'pause':
        this.#say({ do: 'pause', agent: agentName(frame.agent), paused: frame.paused === true });
        return;
      case 'answered':
        void this.#answered(Number(frame.question), String(frame.state));
        return;
      case 'status':
        return;
      default:
        throw new Failure('unknown-request', `the gate knows no request ${String(frame.do)}`, 'Run bulkhead up again.');
    }
  }

  async #ask(asked: Asked): Promise<void> {
    const { agent, program, argv, cwd } = asked;
    if (asked.outside) return this.#outside(asked);
    const policy = this.#policies.get(agent);
    let pin: Pin;
    try {
      pin = asked.own ?? this.#copies.of(program.file, key(asked));
      this.#copies.hold(pin, key(asked));
    } catch (error) {
      this.#refuse(
        asked,
        `bulkhead: ${program.name} cannot be read on the host (${(error as Error).message})`,
        'unreadable',
      );
      return;
    }
    const environment = decidingEnvironment(asked.environment, policy?.given ?? {});
    const terms: CommandTerms = {
      program: { name: program.name, path: program.file, digest: pin.digest, ...(asked.own && { own: true }) },
      argv,
      cwd,
      environment,
      ...(asked.script && { script: asked.script }),
    };
    if (asked.rule !== undefined) {
      if (!this.#copies.holds(program.file, pin)) {
        const how = `${program.file} has changed since it was allowed, and no package says so; root allows it as it is now: bulkhead up`;
        this.#refuse(asked, `bulkhead: ${program.name} is refused: ${how}`, 'changed since it was allowed');
        return;
      }
      this.#start(asked, pin, { rule: asked.rule, ...recorded(terms) });
      return;
    }
    const { kind: _, agent: __, ...subject } = commandSubject(agentName(agent), terms);
    let reply: Reply;
    try {
      if (!asked.asks) return this.#look(asked, (await this.#warden.call('question.look', { agent, terms })) as Look);
      reply = (await this.#warden.call('question.ask', { agent, kind: 'command', ...subject })) as Reply;
    } catch (error) {
      this.#refuse(asked, `bulkhead: ${program.name} could not be asked for: ${(error as Error).message}`, 'not asked');
      return;
    }
    const { id } = reply;
    if (reply.state === 'approved' && id !== undefined) await this.#run(asked, pin, terms, id);
    else if (reply.state === 'asked' && id !== undefined) this.#wait(asked, pin, terms, id, policy?.waitMs ?? 60_000);
    else if (reply.state === 'refused')
      this.#refuse(asked, `bulkhead: ${program.name} was refused by a person (question ${id})`, `question ${id}`);
    else this.#refuse(asked, `bulkhead: ${program.name} is refused: ${reply.why ?? 'too many questions'}`, 'flood');
  }

  /** A probe or a drill: nobody is asked and nothing is started. */
  #look(asked: Asked, { standing, id }: Look): void {
    const { name } = asked.program;
    const would =
      standing === 'granted'
        ? `would run by approval ${id}; a probe or drill starts nothing that was approved`
        : 'would wait for a person; a probe or drill asks nobody';
    this.#refuse(asked, `bulkhead: ${name} ${would}`, 'a probe or drill asks nobody');
  }

  /** The warden judges it, holds it where a person is asked, and runs it; we hand its socket on. */
  async #outside(asked: Asked): Promise<void> {
    const { agent, place, id, argv } = asked;
    const refused = (line: string): void => {
      const record = { event: 'exec.denied', agent, path: asked.program.file, argv, rule: line };
      this.#say({ do: 'refuse', place, id, line, record });
    };
    if (argv.length < 2) return refused('bulkhead: name the command: bulkhead-do COMMAND ARGUMENT...');
    try {
      const words = argv.slice(1, MOST_OUTSIDE + 2);
      const verdict = (await this.#warden.call('elevated.ask', { agent, argv: words })) as OutsideReply;
      if (this.#left.delete(key(asked))) return;
      if (verdict.state === 'no') return refused(verdict.line ?? 'bulkhead: not run outside');
      await this.#warden.call('elevated.start', { ticket: verdict.ticket });
    } catch (error) {
      if (error instanceof Failure && error.code === 'not-granted') return this.#outside(asked); // used up by another
      return refused(`bulkhead: not run outside: ${(error as Error).message}`);
    }
    const [fd] = receiveDescriptors(this.#descriptors);
    if (fd === undefined) throw new Error('no socket came');
    this.#say({ do: 'connect', place, id, fd });
  }

  #wait(asked: Asked, pin: Pin, terms: CommandTerms, id: number, ms: number): void {
    const timer = setTimeout(() => {
      this.#drop(asked);
      const line = `bulkhead: waiting for approval ${id} (${short(shownCommand(terms))}); run it again once approved`;
      this.#refuse(asked, line, `question ${id} waits`);
    }, ms);
    this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), { asked, pin, terms, timer }]);
    if (this.#left.delete(key(asked))) this.#drop(asked);
  }

  /** Each of those who wait for it uses the approval for itself: what is good for once starts one of them, and the others wait on. */
  async #answered(id: number, state: string): Promise<void> {
    const waiting = this.#waiting.get(id) ?? [];
    if (state === 'asked') return;
    this.#waiting.delete(id);
    for (const { asked, pin, terms, timer } of waiting) {
      clearTimeout(timer);
      if (state === 'approved') await this.#run(asked, pin, terms, id);
      else
        this.#refuse(
          asked,
          `bulkhead: ${asked.program.name} was refused by a person (question ${id})`,
          `question ${id}`,
        );
    }
  }

  async #run(asked: Asked, pin: Pin, terms: CommandTerms, id: number): Promise<void> {
    const process = openProcess(asked.pid);
    // What waits still has its pid, so the descriptor is of nobody else.
    if (process === undefined || !stillWaits(asked.listener, asked.id)) {
      if (process !== undefined) closeSync(process);
      return; // the hot thread sees it, too
    }
    try {
      sendDescriptors(this.#descriptors, [process]);
      closeSync(process);
      await this.#warden.call('question.use', { agent: asked.agent, question: id });
    } catch (error) {
      const why = error instanceof Failure && error.code === 'not-granted';
      if (why) return this.#ask(asked); // used up by another: asked anew
      this.#refuse(
        asked,
        `bulkhead: ${asked.program.name} is not started: ${(error as Error).message}`,
        'not recorded',
      );
      return;
    }
    const approval = `approval ${id}`;
    this.#start(asked, pin, { rule: approval, ...recorded(terms) }, approval);
  }

  #start(asked: Asked, pin: Pin, record: object, approval?: string): void {
    const { agent, program, place, id } = asked;
    let fd: number;
    try {
      fd = this.#copies.names.open(agent, asked.own ? written(program.file) : program.file, pin);
      if (asked.rule !== undefined)
        this.#say({ do: 'pin', agent, file: program.file, pin, fd: this.#copies.names.open(agent, program.file, pin) });
    } catch (error) {
      this.#refuse(
        asked,
        `bulkhead: the copy of ${program.name} cannot be opened (${(error as Error).message})`,
        'no copy',
      );
      return;
    }
    this.#copies.release(key(asked));
    const by = { file: program.file, own: asked.own !== undefined, ...(approval !== undefined && { approval }) };
    this.#say({ do: 'run', place, id, pin, fd, record: { event: 'exec.allowed', agent, ...record }, ...by });
  }

  #refuse(asked: Asked, line: string, rule: string): void {
    const { agent, program, argv, cwd, place, id } = asked;
    this.#copies.release(key(asked));
    this.#say({
      do: 'refuse',
      place,
      id,
      line,
      record: { event: 'exec.denied', agent, path: program.file, argv, cwd, rule },
    });
  }

  /** It was killed, or asks again: what is asked stays open. */
  #drop(asker: Asker): void {
    this.#copies.release(key(asker));
    let found = false;
    for (const [id, waiting] of this.#waiting) {
      const rest = waiting.filter(({ asked, timer }) => {
        if (key(asked) !== key(asker)) return true;
        clearTimeout(timer);
        found = true;
        return false;
      });
      if (rest.length > 0) this.#waiting.set(id, rest);
      else this.#waiting.delete(id);
    }
    if (!found) this.#left.add(key(asker));
    if (this.#left.size > 1000) this.#left.clear();
  }
}

function key({ place, id }: Asker): string {
  return `${place} ${id}`;
}

/** A path of the agent's is bytes; what we open is text. Where it is no UTF-8 the name is not quite the same. */
function written(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString();
}

function recorded({ program, argv, cwd, environment, script }: CommandTerms): object {
  return { path: program.path, digest: program.digest, argv, cwd, environment, ...(script && { script }) };
}

function short(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 200)}...`;
}
