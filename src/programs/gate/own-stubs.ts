import { closeSync, existsSync, fstatSync, type Stats } from 'node:fs';
import { duplicate } from '../../host/gate/gate-ground.ts';
import { descriptorOf, openProcess } from '../../host/processes/pidfd.ts';
import type { Verdict } from '../../model/verdict.ts';
import { type Command, type CommandPolicy, judgeCommand } from '../../policy/command/judge.ts';
import { PROGRAM_FOLDERS } from '../../tiers/view.ts';
import type { FromHot, Opened, OwnProgram } from './messages.ts';

/** Nothing in there is an agent's to change, so an exec of it never starts what an agent made. */
const SYSTEM = /^\/(?:usr|bin|sbin|lib[0-9a-z]*|etc|dev|proc)\//;
/** In the program folders there is nothing but what is allowed, and stubs. */
const STANDS = new RegExp(`^(?:${[...PROGRAM_FOLDERS, '/bin', '/sbin'].join('|')})/[^/]+$`);
/** Each is an open file. */
const MOST_SCRIPTS = 256;

export function mayBeOwn(path: string): boolean {
  return path !== '' && !SYSTEM.test(path);
}

/** Tier `user`: whether a path may lead to a program of the host that is on no list. In the program folders stubs stand for those. */
export function mayBeUnlisted(path: string, trees: readonly string[]): boolean {
  return path !== '' && !STANDS.test(path) && !trees.some((tree) => path.startsWith(`${tree}/`));
}

/** What an agent made, or is on no list and only has the name of something that is, is never allowed by a rule; what a rule refuses by name or argument
 *  stays refused. */
export function judgeOwn(policy: CommandPolicy, command: Command, made: boolean): Verdict {
  const verdict = judgeCommand({ ...policy, onMiss: 'ask' }, command);
  if (verdict.kind === 'deny') return verdict;
  if (made) return { kind: 'ask', rule: 'exec.own: ask', why: 'the agent made it' };
  return { kind: 'ask', rule: 'exec.ask: on-miss', why: 'it is on no list' };
}

/** Which process is about to ask for which program of the agent's own: it executed that file, and the stub stood over it. Should it have
 *  found another stub by then, it still gets the program that is shown, and no other. */
export class OwnStubs {
  readonly #byPid = new Map<number, OwnProgram>();
  readonly #tell: (message: FromHot) => void;

  constructor(tell: (message: FromHot) => void) {
    this.#tell = tell;
  }

  set(program: OwnProgram): void {
    this.forget(program.pid);
    this.#byPid.set(program.pid, program);
  }

  /** It asks now, so the file may be seen again. */
  asks(pid: number): OwnProgram | undefined {
    const program = this.#byPid.get(pid);
    if (program) this.#tell({ tell: 'uncover', ticket: program.ticket });
    return program;
  }

  /** It runs, or was refused. */
  forget(pid: number): void {
    const program = this.#byPid.get(pid);
    if (program === undefined) return;
    this.#byPid.delete(pid);
    this.#tell({ tell: 'forget', ticket: program.ticket });
  }

  /** Those who are not there any more. */
  look(): void {
    for (const pid of this.#byPid.keys()) if (!existsSync(`/proc/${pid}`)) this.forget(pid);
  }
}

export interface Script {
  readonly path: string;
  readonly digest: string;
  readonly own: boolean;
}

/** Scripts that were put in place: their interpreter is started with the descriptor as its argument, which says nothing. Each is
 *  known by the file that was put, which stays open here, so that no other file can have its number. */
export class Scripts {
  readonly #byFile = new Map<string, Script & { readonly fd: number }>();

  /** @param opened  what is put; its owner's to close */
  add({ pin, fd }: Opened, path: string, own: boolean): void {
    if (!pin.script) return;
    const file = identity(fstatSync(fd));
    const kept = duplicate(fd);
    this.#forget(file);
    if (this.#byFile.size >= MOST_SCRIPTS) this.#forget(String(this.#byFile.keys().next().value));
    this.#byFile.set(file, { path, digest: pin.digest, own, fd: kept });
  }

  /** The one that this process was started for, by its first argument that names a descriptor. */
  of(pid: number, argv: readonly string[]): Script | undefined {
    for (const word of argv.slice(1)) {
      const fd = /^\/(?:dev|proc\/self)\/fd\/(\d{1,7})$/.exec(word)?.[1];
      const file = fd && fileOf(pid, Number(fd));
      const found = file && this.#byFile.get(file);
      if (found) return found;
    }
    return undefined;
  }

  #forget(file: string): void {
    const before = this.#byFile.get(file);
    if (before) closeSync(before.fd);
    this.#byFile.delete(file);
  }
}

function identity({ dev, ino }: Stats): string {
  return `${dev} ${ino}`;
}

/** @returns undefined when it has ended, or closed it */
function fileOf(pid: number, number: number): string | undefined {
  const process = openProcess(pid);
  const fd = process && descriptorOf(process, number);
  try {
    return fd === undefined ? undefined : identity(fstatSync(fd));
  } finally {
    for (const one of [process, fd]) if (one !== undefined) closeSync(one);
  }
}
