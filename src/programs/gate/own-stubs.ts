import { existsSync, statSync } from 'node:fs';
import type { Verdict } from '../../model/verdict.ts';
import { type Command, type CommandPolicy, judgeCommand } from '../../policy/command/judge.ts';
import { PROGRAM_FOLDERS } from '../../tiers/view.ts';
import type { FromHot, OwnProgram, Pin } from './messages.ts';

/** Nothing in there is an agent's to change, so an exec of it never starts what an agent made. */
const SYSTEM = /^\/(?:usr|bin|sbin|lib[0-9a-z]*|etc|dev|proc)\//;
/** In the program folders there is nothing but what is allowed, and stubs. */
const STANDS = new RegExp(`^(?:${[...PROGRAM_FOLDERS, '/bin', '/sbin'].join('|')})/[^/]+$`);
const MOST_SCRIPTS = 1000;

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

/** Scripts that were put in place: their interpreter is started with the descriptor as its argument, which says nothing. */
export class Scripts {
  readonly #byFile = new Map<string, Script>();

  add({ script, digest, path: copy }: Pin, path: string, own: boolean): void {
    if (!script) return;
    const oldest = this.#byFile.keys().next();
    if (this.#byFile.size >= MOST_SCRIPTS && !oldest.done) this.#byFile.delete(oldest.value);
    this.#byFile.set(identity(copy) ?? '', { path, digest, own });
  }

  /** The one that this process was started for, by its first argument that names a descriptor. */
  of(pid: number, argv: readonly string[]): Script | undefined {
    for (const word of argv.slice(1)) {
      const fd = /^\/(?:dev|proc\/self)\/fd\/(\d{1,7})$/.exec(word)?.[1];
      const found = fd && this.#byFile.get(identity(`/proc/${pid}/fd/${fd}`) ?? 'none');
      if (found) return found;
    }
    return undefined;
  }
}

function identity(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path);
    return `${dev} ${ino}`;
  } catch {
    return undefined; // it has ended, or closed it
  }
}
