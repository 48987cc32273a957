import { closeSync, existsSync } from 'node:fs';
import { duplicate } from '../../host/gate/gate-ground.ts';
import { stillWaits } from '../../host/gate/seccomp-notify.ts';
import { openProcess } from '../../host/processes/pidfd.ts';
import { Failure } from '../../model/failure.ts';
import { agentName } from '../../model/names.ts';
import type { QuestionState } from '../../model/question.ts';
import type { Standing } from '../../policy/approval.ts';
import { type CommandTerms, commandSubject, shownCommand } from '../../policy/question/command.ts';
import { decidingEnvironment } from '../../policy/question/deciding-environment.ts';
import type { Client } from '../../wire/client.ts';
import type { AgentPolicy } from '../../wire/gate-policy.ts';
import { sendDescriptors } from '../../wire/handover.ts';
import type { Copies } from './copies.ts';
import type { Asked, Asker, Opened, Pin, ToHot } from './messages.ts';
import { runOutside } from './outside.ts';

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

interface Waiting {
  readonly asked: Asked;
  readonly pin: Pin;
  readonly terms: CommandTerms;
  readonly timer: NodeJS.Timeout;
}

/** Who was stopped with a program that its file alone does not allow: puts the question to the warden, and says what becomes of it. */
export class Asking {
  readonly #warden: Client;
  readonly #descriptors: number;
  readonly #copies: Copies;
  readonly #policies: ReadonlyMap<string, AgentPolicy>;
  readonly #say: (message: ToHot) => void;
  /** By number of the question. */
  readonly #waiting = new Map<number, Waiting[]>();
  readonly #left = new Set<string>();

  /** @param policies  by agent, as they are at each moment */
  constructor(
    { warden, descriptors }: { readonly warden: Client; readonly descriptors: number },
    copies: Copies,
    policies: ReadonlyMap<string, AgentPolicy>,
    say: (message: ToHot) => void,
  ) {
    this.#warden = warden;
    this.#descriptors = descriptors;
    this.#copies = copies;
    this.#policies = policies;
    this.#say = say;
  }

  async ask(asked: Asked): Promise<void> {
    const { agent, program, argv, cwd } = asked;
    if (asked.outside) {
      const left = (): boolean => this.#left.delete(key(asked));
      return runOutside(asked, this.#warden, this.#descriptors, this.#say, left);
    }
    const policy = this.#policies.get(agent);
    let pin: Pin;
    try {
      pin = asked.own ?? this.#copies.of(program.file, key(asked));
      this.#copies.hold(pin, key(asked));
      if (asked.own && !existsSync(pin.path)) {
        // Its stub was started so late that nobody waited for it any more (src/programs/gate/own-tries.ts).
        const line = `bulkhead: ${program.name} asked too late, and its copy is gone; run it again`;
        return this.#refuse(asked, line, 'asked too late');
      }
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
      program: { name: program.name, path: program.file, digest: pin.digest, ...(asked.made && { own: true }) },
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
      const fd = this.#open(asked, pin);
      if (fd !== undefined) this.#start(asked, { pin, fd }, { rule: asked.rule, ...recorded(terms) });
      return;
    }
    const { kind: _, agent: __, ...subject } = commandSubject(agentName(agent), terms);
    // An answer may stand right behind what is said to the question: whoever waits is known before it is read.
    const waits = (said: unknown): unknown => {
      const { state, id } = said as Reply;
      if (state === 'asked' && id !== undefined) this.#wait(asked, pin, terms, id, policy?.waitMs ?? 60_000);
      return said;
    };
    let reply: Reply;
    try {
      if (!asked.asks) return this.#look(asked, (await this.#warden.call('question.look', { agent, terms })) as Look);
      reply = (await this.#warden.call('question.ask', { agent, kind: 'command', ...subject }, waits)) as Reply;
    } catch (error) {
      this.#refuse(asked, `bulkhead: ${program.name} could not be asked for: ${(error as Error).message}`, 'not asked');
      return;
    }
    const { id } = reply;
    if (reply.state === 'approved' && id !== undefined) await this.#run(asked, pin, terms, id);
    else if (reply.state === 'asked' && id !== undefined) return;
    else if (reply.state === 'refused')
      this.#refuse(asked, `bulkhead: ${program.name} was refused by a person (question ${id})`, `question ${id}`);
    else {
      const line = `bulkhead: ${program.name} is refused: ${reply.why ?? 'too many questions'}`;
      this.#refuse(asked, line, 'flood', program.file);
    }
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

  #wait(asked: Asked, pin: Pin, terms: CommandTerms, id: number, ms: number): void {
    const timer = setTimeout(() => {
      this.drop(asked);
      const line = `bulkhead: waiting for approval ${id} (${short(shownCommand(terms))}); run it again once approved`;
      this.#refuse(asked, line, `question ${id} waits`);
    }, ms);
    this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), { asked, pin, terms, timer }]);
    if (this.#left.delete(key(asked))) this.drop(asked);
  }

  /** Each of those who wait for it uses the approval for itself: what is good for once starts one of them, and the others wait on. */
  async answered(id: number, state: QuestionState): Promise<void> {
    const waiting = this.#waiting.get(id) ?? [];
    if (state === 'asked') return;
    this.#waiting.delete(id);
    for (const { asked, pin, terms, timer } of waiting) {
      clearTimeout(timer);
      await this.#became(state, asked, pin, terms, id);
    }
  }

  async #became(
    state: Exclude<QuestionState, 'asked'>,
    asked: Asked,
    pin: Pin,
    terms: CommandTerms,
    id: number,
  ): Promise<void> {
    const refuse = (why: string): void =>
      this.#refuse(asked, `bulkhead: ${asked.program.name} ${why}`, `question ${id}`);
    switch (state) {
      case 'approved':
        return this.#run(asked, pin, terms, id);
      case 'used': // by another
        return this.ask(asked);
      case 'refused':
        return refuse(`was refused by a person (question ${id})`);
      case 'expired':
        return refuse(`is refused: nobody answered question ${id} in time`);
      case 'withdrawn':
        return refuse(`is refused: question ${id} was withdrawn`);
    }
  }

  async #run(asked: Asked, pin: Pin, terms: CommandTerms, id: number): Promise<void> {
    const process = openProcess(asked.pid);
    // What waits still has its pid, so the descriptor is of nobody else.
    if (process === undefined || !stillWaits(asked.listener, asked.id)) {
      if (process !== undefined) closeSync(process);
      return; // the hot thread sees it, too
    }
    const fd = this.#open(asked, pin); // what cannot be started uses up no approval
    if (fd === undefined) {
      closeSync(process);
      return;
    }
    try {
      sendDescriptors(this.#descriptors, [process]);
      closeSync(process);
      await this.#warden.call('question.use', { agent: asked.agent, question: id });
    } catch (error) {
      closeSync(fd);
      const why = error instanceof Failure && error.code === 'not-granted';
      if (why) return this.ask(asked); // used up by another: asked anew
      this.#refuse(
        asked,
        `bulkhead: ${asked.program.name} is not started: ${(error as Error).message}`,
        'not recorded',
      );
      return;
    }
    const approval = `approval ${id}`;
    this.#start(asked, { pin, fd }, { rule: approval, ...recorded(terms) }, approval);
  }

  /** The copy under its name; undefined where it is refused, as there is none. */
  #open(asked: Asked, pin: Pin): number | undefined {
    const { agent, program } = asked;
    try {
      const fd = this.#copies.names.open(agent, asked.own ? written(program.file) : program.file, pin);
      if (asked.rule !== undefined) this.#say({ do: 'pin', agent, file: program.file, pin, fd: duplicate(fd) });
      return fd;
    } catch (error) {
      const line = `bulkhead: the copy of ${program.name} cannot be opened (${(error as Error).message})`;
      this.#refuse(asked, line, 'no copy');
      return undefined;
    }
  }

  #start(asked: Asked, { pin, fd }: Opened, record: object, approval?: string): void {
    const { agent, program, place, id } = asked;
    this.#copies.release(key(asked));
    const by = { file: program.file, own: asked.made === true, ...(approval !== undefined && { approval }) };
    this.#say({ do: 'run', place, id, pin, fd, record: { event: 'exec.allowed', agent, ...record }, ...by });
  }

  /** @param flood  the program of which more is asked for than people can answer */
  #refuse(asked: Asked, line: string, rule: string, flood?: string): void {
    const { agent, program, argv, cwd, place, id } = asked;
    this.#copies.release(key(asked));
    this.#say({
      do: 'refuse',
      place,
      id,
      line,
      record: { event: 'exec.denied', agent, path: program.file, argv, cwd, rule },
      ...(flood !== undefined && { flood }),
    });
  }

  /** It was killed, or asks again: what is asked stays open. */
  drop(asker: Asker): void {
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
