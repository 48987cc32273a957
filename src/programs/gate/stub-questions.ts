import { stillWaits } from '../../host/gate/seccomp-notify.ts';
import { BULKHEAD_DO } from '../../model/elevated.ts';
import { type CommandPolicy, judgeCommand } from '../../policy/command/judge.ts';
import { whoMay } from '../../policy/command/who-may.ts';
import { LONG_BYTES, readAll, type Whole } from './asker.ts';
import type { Flight } from './flight.ts';
import type { Held, Holding } from './held.ts';
import type { Asked, FromHot, Opened } from './messages.ts';
import { judgeOwn, type OwnStubs, Scripts } from './own-stubs.ts';
import { ReadyCopies } from './ready-copies.ts';
import type { Replies } from './replies.ts';
import type { Standing } from './standing.ts';

/** Questions of stubs: what each was started for is read whole, judged, and answered at once where policy alone decides; else the other
 *  thread gets it, and the stub is held. */
export class StubQuestions {
  readonly #flight: Flight;
  readonly #holding: Holding;
  readonly #replies: Replies;
  readonly #own: OwnStubs;
  readonly #tell: (message: FromHot) => void;
  readonly #others: (agent: string) => Iterable<readonly [string, CommandPolicy]>;
  readonly #ready = new ReadyCopies();
  readonly #scripts = new Scripts();

  /** @param others  the policies of all agents but this one */
  constructor(
    flight: Flight,
    holding: Holding,
    replies: Replies,
    own: OwnStubs,
    tell: (message: FromHot) => void,
    others: (agent: string) => Iterable<readonly [string, CommandPolicy]>,
  ) {
    this.#others = others;
    this.#flight = flight;
    this.#holding = holding;
    this.#replies = replies;
    this.#own = own;
    this.#tell = tell;
  }

  /** What was allowed may not be any more. */
  forgetCopies(): void {
    this.#ready.clear();
  }

  ready(agent: string, file: string, copy: Opened): void {
    this.#ready.set(agent, file, copy);
  }

  /** A script is about to be put in place, and its interpreter will ask next. */
  script(copy: Opened, path: string, own: boolean): void {
    this.#scripts.add(copy, path, own);
  }

  /** @returns whether it was a long one */
  judge(held: Held, policy: Standing | undefined): boolean {
    const { facts, id, place } = held;
    if (this.#holding.isPaused(facts.agent)) {
      this.#replies.askAgain(held);
      return false;
    }
    const pid = this.#holding.pid(held);
    const read = readAll(pid, this.#flight.at(place));
    if (!stillWaits(facts.fd, id)) this.#flight.release(place);
    else if (typeof read === 'string') this.#refuse(held, `refused: ${read}`, { rule: read });
    else this.#judge(held, pid, read, policy);
    return typeof read === 'string' || read.bytes() > LONG_BYTES;
  }

  #judge(held: Held, pid: number, { stub, argv, environment, cwd }: Whole, policy: Standing | undefined): void {
    const { facts } = held;
    const { agent } = facts;
    const known = policy?.stubs[stub];
    const own = known ? undefined : this.#own.asks(pid);
    const program = known ?? (own && { name: own.name.slice(own.name.lastIndexOf('/') + 1), file: own.name });
    if (policy === undefined || program === undefined) {
      const why = 'no program is known under this name';
      this.#refuse(held, `refused: ${why}`, { rule: why });
      return;
    }
    const what = { path: program.file, argv, cwd };
    if (stub === BULKHEAD_DO) {
      if (facts.asks) this.#ask(held, pid, environment, { program, argv, cwd, outside: true });
      else
        this.#refuse(held, 'a probe or drill has nothing run outside', {
          ...what,
          rule: 'a probe or drill asks nobody',
        });
      return;
    }
    const command = { program: { name: program.name, path: program.file }, argv };
    const verdict = own ? judgeOwn(policy.commands, command, own.made) : judgeCommand(policy.commands, command);
    const script = this.#scripts.of(pid, argv);
    if (verdict.kind === 'deny') {
      const may = own ? '' : whoMay(this.#others(agent), command);
      this.#refuse(held, `${program.name} is refused: ${verdict.why}${may}`, { ...what, rule: verdict.why });
      return;
    }
    if (verdict.kind === 'ask' && script?.own) {
      const why = `${program.name} would read ${script.path} anew, so it must be among the programs that the agent may start`;
      this.#refuse(held, `refused: ${why}`, { ...what, rule: why });
      return;
    }
    const copy = verdict.kind === 'allow' ? this.#ready.of(agent, program.file) : undefined;
    if (verdict.kind === 'allow' && copy) {
      this.#scripts.add(copy, program.file, false);
      const { path, ...rest } = what;
      const record = { event: 'exec.allowed', agent, rule: verdict.rule, path, digest: copy.pin.digest, ...rest };
      this.#replies.start(held, copy, path, record);
      return;
    }
    this.#ask(held, pid, environment, {
      ...{ program, argv, cwd },
      ...(verdict.kind === 'allow' && { rule: verdict.rule }),
      ...(own && { own: own.pin, made: own.made }),
      ...(script && { script: { path: script.path, digest: script.digest } }),
    });
  }

  #ask(
    held: Held,
    pid: number,
    read: Whole['environment'],
    what: Omit<Asked, 'place' | 'id' | 'agent' | 'pid' | 'listener' | 'asks' | 'environment'>,
  ): void {
    const { place, id, facts } = held;
    const environment = read();
    if (typeof environment === 'string') {
      this.#refuse(held, `refused: ${environment}`, { path: what.program.file, rule: environment });
      return;
    }
    this.#holding.hold(held);
    const who = { place, id, agent: facts.agent, pid, listener: facts.fd, asks: facts.asks };
    this.#tell({ tell: 'asked', ...who, environment, ...what });
  }

  #refuse(held: Held, why: string, record: object): void {
    this.#replies.deny(held, `bulkhead: ${why}`, { event: 'exec.denied', agent: held.facts.agent, ...record });
  }
}
