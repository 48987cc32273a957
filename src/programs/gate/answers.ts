import { closeSync, openSync } from 'node:fs';
import { duplicate } from '../../host/gate-ground.ts';
import { write } from '../../host/libc-gate.ts';
import { pipe } from '../../host/pipes.ts';
import { argumentOf, callOf, idOf, letGo, pidOf, put, refuse, stillWaits } from '../../host/seccomp-notify.ts';
import { BULKHEAD_DO } from '../../model/elevated.ts';
import { type CommandPolicy, commandPolicy, judgeCommand } from '../../policy/command/judge.ts';
import { ASK_AGAIN, OUTSIDE, REFUSED } from '../../tiers/stub/instruction.ts';
import { PROGRAM_FOLDERS } from '../../tiers/view.ts';
import type { AgentPolicy } from '../../wire/gate-policy.ts';
import { isStub, readAll } from './asker.ts';
import type { Endings } from './endings.ts';
import type { Flight } from './flight.ts';
import type { Journal } from './journal.ts';
import type { Asker, FromHot, ListenerFacts, Opened, OwnProgram, ToHot } from './messages.ts';
import { judgeOwn, mayBeOwn, OwnStubs, Scripts } from './own-stubs.ts';
import { ReadyCopies } from './ready-copies.ts';
import { pathAt, wordsAt } from './words.ts';

/** execveat: x86-64, asm-generic. */
const EXECVEAT = process.arch === 'arm64' ? 281 : 322;
const AT_EMPTY_PATH = 0x1000n;
/** Links that every compartment has (src/tiers/sandbox.ts). */
const ALIASES: Readonly<Record<string, string>> = { '/bin': '/usr/bin', '/sbin': '/usr/sbin' };
const AT_FDCWD = -100;
const ENOENT = 2;
const EBADF = 9;
/** What one agent may have waiting for a person, and in all. */
const MOST_HELD = 256;

/** What an agent is judged by. */
interface Standing {
  readonly commands: CommandPolicy;
  readonly there: ReadonlySet<string>;
  readonly stubs: AgentPolicy['stubs'];
  /** What it made itself waits for a person. */
  readonly own: boolean;
}

function standing({ exec, allowed, names, stubs }: AgentPolicy): Standing {
  return { commands: commandPolicy(exec, allowed), there: new Set(names), stubs, own: exec.own === 'ask' };
}

interface Held extends Asker {
  readonly facts: ListenerFacts;
  /** The descriptor that the stub tries. */
  readonly at: number;
}

/** Judges each question, answers it, or holds it until somebody else has. */
export class Answers {
  readonly #flight: Flight;
  readonly #journal: Journal;
  readonly #endings: Endings;
  readonly #tell: (message: FromHot) => void;
  readonly #held = new Map<number, Held>();
  readonly #waiting = new Map<string, number>();
  readonly #paused = new Set<string>();
  readonly #ready = new ReadyCopies();
  readonly #own = new OwnStubs();
  readonly #scripts = new Scripts();
  /** Whoever executes what may be a file of the agent's, by place. */
  readonly #tries = new Map<number, Asker & { readonly facts: ListenerFacts }>();
  #policies: ReadonlyMap<string, Standing> = new Map();

  constructor(flight: Flight, journal: Journal, endings: Endings, tell: (message: FromHot) => void) {
    this.#flight = flight;
    this.#journal = journal;
    this.#endings = endings;
    this.#tell = tell;
  }

  /** Whether there is room to take a question and to record its answer. */
  mayTake(agent: string): boolean {
    return this.#flight.room > MOST_HELD && (this.#waiting.get(agent) ?? 0) < MOST_HELD && this.#journal.ready();
  }

  take(message: Exclude<ToHot, { do: 'listener' | 'begin' }>): void {
    if (message.do === 'policies') {
      this.#policies = new Map(message.policies.map((policy) => [policy.agent, standing(policy)]));
      this.#ready.clear();
      return;
    }
    if (message.do === 'pin') {
      this.#ready.set(message.agent, message.file, message);
      return;
    }
    if (message.do === 'record') {
      this.#journal.write(message.record);
      return;
    }
    if (message.do === 'pause') {
      this.#pause(message.agent, message.paused);
      return;
    }
    if (message.do === 'go') {
      this.#go(message);
      return;
    }
    if (message.do === 'shorten') {
      this.#journal.shorten(message.upTo);
      return;
    }
    const held = this.#held.get(message.place);
    const there = held?.id === message.id ? held : undefined;
    if (message.do === 'run') {
      if (there) {
        this.#scripts.add(message.pin, message.file, message.own);
        this.#start(there, message, message.record, message.approval);
      }
      closeSync(message.fd);
    } else if (message.do === 'connect') {
      if (there) this.#connect(there, message.fd);
      else closeSync(message.fd); // nobody is there: what was started ends
    } else if (there) this.#deny(there, message.line, message.record);
  }

  judge(place: number, facts: ListenerFacts): void {
    const question = this.#flight.at(place);
    const id = idOf(question);
    const pid = pidOf(question);
    if (callOf(question) === EXECVEAT && argumentOf(question, 4) === AT_EMPTY_PATH && isStub(pid, facts)) {
      this.#asked({ place, id, facts, at: Number(BigInt.asIntN(32, argumentOf(question, 0))) }, pid);
      return;
    }
    this.#byFile(place, facts, pid);
  }

  /** What may be executed at all is decided by the mounts, whatever becomes of the path while we look at it: it goes on, recorded.
   *  A name that is not there is said to be not there, so that a search through PATH leaves no trace. */
  #byFile(place: number, facts: ListenerFacts, pid: number): void {
    const { fd, agent } = facts;
    const question = this.#flight.at(place);
    const id = idOf(question);
    const first = callOf(question) === EXECVEAT ? 1 : 0;
    const path = pathAt(pid, argumentOf(question, first));
    if (facts.asks && this.#policies.get(agent)?.own && mayBeOwn(path)) {
      const base = first === 0 ? AT_FDCWD : Number(BigInt.asIntN(32, argumentOf(question, 0)));
      this.#tries.set(place, { place, id, facts });
      this.#count(agent, 1);
      this.#tell({ tell: 'own', place, id, agent, pid, base, path });
      return;
    }
    if (this.#absent(agent, path)) refuse(fd, id, ENOENT);
    else {
      const argv = wordsAt(pid, argumentOf(question, first + 1));
      this.#journal.write({ event: 'exec.allowed', agent, path, argv, rule: 'by file' });
      letGo(fd, id);
    }
    this.#flight.release(place);
  }

  /** The exec goes on: the stub stands over what it leads to, or nothing of the agent's does. */
  #go({ place, id, own }: { readonly own?: OwnProgram } & Asker): void {
    const tried = this.#tries.get(place);
    if (tried?.id !== id) return;
    this.#tries.delete(place);
    this.#count(tried.facts.agent, -1);
    if (own) {
      this.#forget(own.pid);
      this.#own.set(own);
    }
    if (!letGo(tried.facts.fd, id) && own) this.#tell({ tell: 'uncover', ticket: own.ticket });
    this.#flight.release(place);
  }

  #forget(pid: number): void {
    const own = this.#own.forget(pid);
    if (own) this.#tell({ tell: 'forget', ticket: own.ticket });
  }

  #absent(agent: string, path: string): boolean {
    const folder = path.slice(0, path.lastIndexOf('/'));
    const real = ALIASES[folder] ?? folder;
    const there = this.#policies.get(agent)?.there;
    return there !== undefined && PROGRAM_FOLDERS.includes(real) && !there.has(`${real}${path.slice(folder.length)}`);
  }

  /** Frees what was taken for those who were killed meanwhile. */
  look(): void {
    for (const pid of this.#own.gone()) this.#forget(pid);
    for (const held of this.#held.values()) if (!stillWaits(held.facts.fd, held.id)) this.#leave(held);
  }

  #asked(held: Held, pid: number): void {
    const { facts, id } = held;
    if (this.#paused.has(facts.agent)) {
      refuse(facts.fd, id, ASK_AGAIN);
      this.#flight.release(held.place);
      return;
    }
    const read = readAll(pid, this.#flight.at(held.place));
    if (!stillWaits(facts.fd, id)) {
      this.#flight.release(held.place);
      return;
    }
    const { agent } = facts;
    const policy = this.#policies.get(agent);
    const known = typeof read === 'string' ? undefined : policy?.stubs[read.stub];
    const own = known ? undefined : this.#own.of(pid);
    if (own) this.#tell({ tell: 'uncover', ticket: own.ticket });
    const program = known ?? (own && { name: own.name.slice(own.name.lastIndexOf('/') + 1), file: own.name });
    if (typeof read === 'string' || policy === undefined || program === undefined) {
      const why = typeof read === 'string' ? read : 'no program is known under this name';
      this.#deny(held, `bulkhead: refused: ${why}`, { event: 'exec.denied', agent, rule: why });
      return;
    }
    const { argv, environment, cwd } = read;
    if (read.stub === BULKHEAD_DO && !facts.asks) {
      const record = { event: 'exec.denied', agent, path: program.file, argv, rule: 'a probe or drill asks nobody' };
      this.#deny(held, 'bulkhead: a probe or drill has nothing run outside', record);
      return;
    }
    if (read.stub === BULKHEAD_DO) {
      this.#held.set(held.place, held);
      this.#count(agent, 1);
      const who = { place: held.place, id, agent, pid, listener: facts.fd, asks: true };
      this.#tell({ tell: 'asked', ...who, program, argv, environment, cwd, outside: true });
      return;
    }
    const command = { program: { name: program.name, path: program.file }, argv };
    const verdict = own ? judgeOwn(policy.commands, command) : judgeCommand(policy.commands, command);
    const script = this.#scripts.of(pid, argv);
    if (verdict.kind === 'deny') {
      const record = { event: 'exec.denied', agent, path: program.file, argv, cwd, rule: verdict.why };
      this.#deny(held, `bulkhead: ${program.name} is refused: ${verdict.why}`, record);
      return;
    }
    if (verdict.kind === 'ask' && script?.own) {
      const why = `${program.name} would read ${script.path} anew, so it must be among the programs that the agent may start`;
      const record = { event: 'exec.denied', agent, path: program.file, argv, cwd, rule: why };
      this.#deny(held, `bulkhead: refused: ${why}`, record);
      return;
    }
    const pin = verdict.kind === 'allow' ? this.#ready.of(agent, program.file) : undefined;
    if (verdict.kind === 'allow' && pin) {
      this.#scripts.add(pin.pin, program.file, false);
      const what = { path: program.file, digest: pin.pin.digest, argv, cwd };
      this.#start(held, pin, { event: 'exec.allowed', agent, rule: verdict.rule, ...what });
      return;
    }
    this.#held.set(held.place, held);
    this.#count(agent, 1);
    const rule = verdict.kind === 'allow' ? { rule: verdict.rule } : {};
    const more = {
      ...(own && { own: own.pin }),
      ...(script && { script: { path: script.path, digest: script.digest } }),
    };
    const who = { place: held.place, id, agent, pid, listener: facts.fd, asks: facts.asks };
    this.#tell({ tell: 'asked', ...who, program, argv, environment, cwd, ...rule, ...more });
  }

  /** @param approval  the rule under which its end is written down */
  #start(held: Held, { pin, fd }: Opened, record: object, approval?: string): void {
    const { facts, id, place } = held;
    let file: number;
    try {
      // A script is read by its interpreter, each from a beginning of its own. A program need not even be readable for us.
      file = pin.script ? openSync(`/proc/self/fd/${fd}`, 'r') : duplicate(fd);
    } catch (error) {
      this.#deny(held, `bulkhead: the program is not there any more (${(error as Error).message})`, record);
      return;
    }
    const pid = pidOf(this.#flight.at(place));
    const handle = approval === undefined ? undefined : this.#endings.open(pid);
    const failed = put(facts.fd, id, file, held.at, pin.script); // who still waits is who was opened
    closeSync(file);
    if (failed !== 0) {
      if (handle !== undefined) closeSync(handle);
      refuse(facts.fd, id, failed === EBADF ? EBADF : ENOENT);
      this.#settle(held);
      return;
    }
    const unwatched = approval !== undefined && handle === undefined;
    const of = this.#journal.write(unwatched ? { ...record, end: 'not watched' } : record);
    if (handle !== undefined && approval !== undefined)
      this.#endings.begin(handle, { agent: facts.agent, pid, rule: approval, of });
    letGo(facts.fd, id);
    this.#forget(pid);
    this.#settle(held);
  }

  /** From here on the stub passes the bytes of what runs outside (src/tiers/stub), and no call of it waits for us. */
  #connect(held: Held, socket: number): void {
    const { facts, id } = held;
    const failed = put(facts.fd, id, socket, held.at, false);
    closeSync(socket);
    refuse(facts.fd, id, failed === 0 ? OUTSIDE : failed);
    this.#settle(held);
  }

  /** The line goes to the stub's standard error, and the stub ends with 126. */
  #deny(held: Held, line: string, record: object): void {
    const { facts, id } = held;
    this.#journal.write(record);
    const { read, write: end } = pipe();
    const text = Buffer.from(`${line}\n`).subarray(0, 4000);
    write(end, text, text.length);
    closeSync(end);
    const failed = put(facts.fd, id, read, held.at, false);
    closeSync(read);
    refuse(facts.fd, id, failed === 0 ? REFUSED : failed);
    this.#forget(pidOf(this.#flight.at(held.place)));
    this.#settle(held);
  }

  #pause(agent: string, paused: boolean): void {
    if (!paused) {
      this.#paused.delete(agent);
      return;
    }
    this.#paused.add(agent);
    for (const held of this.#held.values())
      if (held.facts.agent === agent) {
        refuse(held.facts.fd, held.id, ASK_AGAIN);
        this.#leave(held);
      }
  }

  #leave(held: Held): void {
    this.#tell({ tell: 'left', place: held.place, id: held.id });
    this.#settle(held);
  }

  #settle(held: Held): void {
    if (this.#held.delete(held.place)) this.#count(held.facts.agent, -1);
    this.#flight.release(held.place);
  }

  #count(agent: string, by: number): void {
    this.#waiting.set(agent, (this.#waiting.get(agent) ?? 0) + by);
  }
}
