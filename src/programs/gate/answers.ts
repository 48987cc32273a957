import { closeSync, openSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { write } from '../../host/libc-gate.ts';
import { pipe } from '../../host/pipes.ts';
import { argumentOf, callOf, idOf, letGo, pidOf, put, refuse, stillWaits } from '../../host/seccomp-notify.ts';
import { BULKHEAD_DO } from '../../model/elevated.ts';
import { type CommandPolicy, commandPolicy, judgeCommand } from '../../policy/command/judge.ts';
import { ASK_AGAIN, OUTSIDE, REFUSED } from '../../tiers/stub/instruction.ts';
import { PROGRAM_FOLDERS } from '../../tiers/view.ts';
import type { AgentPolicy } from '../../wire/gate-policy.ts';
import { readStarted } from './arguments.ts';
import type { Flight } from './flight.ts';
import type { Journal } from './journal.ts';
import type { Asker, FromHot, ListenerFacts, Pin, ToHot } from './messages.ts';
import { pathAt, wordsAt } from './words.ts';

/** execveat: x86-64, asm-generic. */
const EXECVEAT = process.arch === 'arm64' ? 281 : 322;
const AT_EMPTY_PATH = 0x1000n;
/** Links that every compartment has (src/tiers/sandbox.ts). */
const ALIASES: Readonly<Record<string, string>> = { '/bin': '/usr/bin', '/sbin': '/usr/sbin' };
const ENOENT = 2;
const EBADF = 9;
/** What one agent may have waiting for a person, and in all. */
const MOST_HELD = 256;

/** What an agent is judged by. */
interface Standing {
  readonly commands: CommandPolicy;
  readonly there: ReadonlySet<string>;
  readonly stubs: AgentPolicy['stubs'];
}

function standing({ exec, allowed, names, stubs }: AgentPolicy): Standing {
  return { commands: commandPolicy(exec, allowed), there: new Set(names), stubs };
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
  readonly #tell: (message: FromHot) => void;
  readonly #held = new Map<number, Held>();
  readonly #waiting = new Map<string, number>();
  readonly #paused = new Set<string>();
  readonly #pins = new Map<string, Pin>();
  #policies: ReadonlyMap<string, Standing> = new Map();

  constructor(flight: Flight, journal: Journal, tell: (message: FromHot) => void) {
    this.#flight = flight;
    this.#journal = journal;
    this.#tell = tell;
  }

  /** Whether there is room to take a question and to record its answer. */
  mayTake(agent: string): boolean {
    return this.#flight.room > MOST_HELD && (this.#waiting.get(agent) ?? 0) < MOST_HELD && this.#journal.ready();
  }

  take(message: Exclude<ToHot, { do: 'listener' | 'begin' }>): void {
    if (message.do === 'policies') {
      this.#policies = new Map(message.policies.map((policy) => [policy.agent, standing(policy)]));
      this.#pins.clear();
      return;
    }
    if (message.do === 'pin') {
      this.#pins.set(message.file, message.pin);
      return;
    }
    if (message.do === 'pause') {
      this.#pause(message.agent, message.paused);
      return;
    }
    if (message.do === 'shorten') {
      this.#journal.shorten(message.upTo);
      return;
    }
    const held = this.#held.get(message.place);
    if (held?.id !== message.id) {
      if (message.do === 'connect') closeSync(message.fd); // nobody is there: what was started ends
      return;
    }
    if (message.do === 'connect') this.#connect(held, message.fd);
    else if (message.do === 'run') this.#start(held, message.pin, message.record);
    else this.#deny(held, message.line, message.record);
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
  #byFile(place: number, { fd, agent }: ListenerFacts, pid: number): void {
    const question = this.#flight.at(place);
    const id = idOf(question);
    const first = callOf(question) === EXECVEAT ? 1 : 0;
    const path = pathAt(pid, argumentOf(question, first));
    if (this.#absent(agent, path)) refuse(fd, id, ENOENT);
    else {
      const argv = wordsAt(pid, argumentOf(question, first + 1));
      this.#journal.write({ event: 'exec.allowed', agent, path, argv, rule: 'by file' });
      letGo(fd, id);
    }
    this.#flight.release(place);
  }

  #absent(agent: string, path: string): boolean {
    const folder = path.slice(0, path.lastIndexOf('/'));
    const real = ALIASES[folder] ?? folder;
    const there = this.#policies.get(agent)?.there;
    return there !== undefined && PROGRAM_FOLDERS.includes(real) && !there.has(`${real}${path.slice(folder.length)}`);
  }

  /** Frees what was taken for those who were killed meanwhile. */
  look(): void {
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
    const program = typeof read === 'string' ? undefined : policy?.stubs[read.stub];
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
      this.#tell({ tell: 'asked', place: held.place, id, agent, program, argv, environment, cwd, outside: true });
      return;
    }
    const verdict = judgeCommand(policy.commands, { program: { name: program.name, path: program.file }, argv });
    if (verdict.kind === 'deny') {
      const record = { event: 'exec.denied', agent, path: program.file, argv, cwd, rule: verdict.why };
      this.#deny(held, `bulkhead: ${program.name} is refused: ${verdict.why}`, record);
      return;
    }
    if (verdict.kind === 'ask' && !facts.asks) {
      const record = {
        event: 'exec.denied',
        agent,
        path: program.file,
        argv,
        cwd,
        rule: 'a probe or drill asks nobody',
      };
      this.#deny(held, `bulkhead: ${program.name} would wait for a person; a probe or drill asks nobody`, record);
      return;
    }
    const pin = verdict.kind === 'allow' ? this.#pins.get(program.file) : undefined;
    if (verdict.kind === 'allow' && pin) {
      const what = { path: program.file, digest: pin.digest, argv, cwd };
      this.#start(held, pin, { event: 'exec.allowed', agent, rule: verdict.rule, ...what });
      return;
    }
    this.#held.set(held.place, held);
    this.#count(agent, 1);
    const rule = verdict.kind === 'allow' ? { rule: verdict.rule } : {};
    this.#tell({ tell: 'asked', place: held.place, id, agent, program, argv, environment, cwd, ...rule });
  }

  #start(held: Held, pin: Pin, record: object): void {
    const { facts, id } = held;
    let file: number;
    try {
      file = openSync(pin.path, 'r');
    } catch (error) {
      this.#deny(held, `bulkhead: the program is not there any more (${(error as Error).message})`, record);
      return;
    }
    const failed = put(facts.fd, id, file, held.at, pin.script);
    closeSync(file);
    if (failed !== 0) {
      refuse(facts.fd, id, failed === EBADF ? EBADF : ENOENT);
      this.#settle(held);
      return;
    }
    this.#journal.write(record);
    letGo(facts.fd, id);
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

/** By the file that the process runs, as the kernel has it: its memory was made by that exec, and no agent can write it. */
function isStub(pid: number, { device, inode }: ListenerFacts): boolean {
  try {
    const { dev, ino } = statSync(`/proc/${pid}/exe`, { bigint: true });
    return String(dev) === device && String(ino) === inode;
  } catch {
    return false; // it has ended
  }
}

interface Whole {
  readonly stub: string;
  readonly argv: readonly string[];
  readonly environment: readonly string[];
  readonly cwd: string;
}

/** @returns why not, where not everything that decides can be seen */
function readAll(pid: number, question: Buffer): Whole | string {
  const started = readStarted(pid, argumentOf(question, 2), argumentOf(question, 3));
  if (typeof started === 'string') return started;
  try {
    const filters = /^Seccomp_filters:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    if (filters !== '1') return 'it runs under a filter of its own, which could change what it does';
    return {
      stub: readlinkSync(`/proc/${pid}/exe`),
      cwd: readlinkSync(`/proc/${pid}/cwd`, { encoding: 'latin1' } as never),
      argv: started.argv.map((text) => text.toString('latin1')),
      environment: started.environment.map((text) => text.toString('latin1')),
    };
  } catch {
    return 'it has ended';
  }
}
