import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const COVER: string = fileURLToPath(new URL('../../../host/gate/cover-own.pl', import.meta.url));
/** No program of an agent's own is larger. */
const MOST_BYTES = 128 * 1024 * 1024;
/** Covered for no longer than this, whatever the gate says. */
const LONGEST_MS = 5000;

/** What the gate gets to know. Without `ticket` there is no stub over it: it may be started anyway (`allowed`), or is left to the mounts. */
export interface Covered {
  readonly ticket?: number;
  /** The path inside, bytes as latin1. */
  readonly name?: string;
  /** The agent made it; else it is the host's. */
  readonly made?: boolean;
  /** The copy of what lies under the stub, in the folder of copies. */
  readonly file?: string;
  readonly allowed?: true;
  readonly why?: string;
}

/** What is to become of a file that an exec leads to. @param name  the path inside, latin1 */
export type Wanted = (name: string, made: boolean) => 'cover' | 'allowed' | 'leave';

/** The stub is mounted over a file that an agent made (`exec.own: ask`) or that is on no list (tier `user`), in the compartment and for a moment, so that
 *  starting it asks. */
export class OwnCovers {
  readonly #pins: string;
  readonly #note: (text: string) => void;
  readonly #standing = new Map<number, { readonly child: ChildProcess; readonly over: Promise<void> }>();
  #next = 1;

  constructor(pins: string, note: (text: string) => void) {
    this.#pins = pins;
    this.#note = note;
  }

  /** @param frame  `pid` of who is about to execute it and `since` when there is such a process (src/host/processes/process-stat.ts), `base` and
   *   `path` (latin1) as it gave them */
  async cover(frame: Readonly<Record<string, unknown>>, wanted: Wanted): Promise<Covered> {
    const ticket = this.#next++;
    const file = `own-${process.pid}-${ticket}`;
    const into = openSync(`${this.#pins}/${file}`, 'wx', 0o600);
    const path = Buffer.from(String(frame.path), 'latin1').toString('hex');
    const child = spawn(
      '/usr/bin/perl',
      [
        COVER,
        String(Number(frame.pid)),
        String(Number(frame.since)),
        String(Number(frame.base)),
        path,
        String(MOST_BYTES),
      ],
      { stdio: ['pipe', 'pipe', 'pipe', into], env: {}, cwd: '/' },
    );
    closeSync(into);
    child.on('error', (error) => this.#note(`covering: ${error.message}`)); // the machine has no process for it: nothing is covered
    child.stdin?.on('error', () => {}); // its end says so
    child.stderr?.on('data', (text: Buffer) => this.#note(`covering: ${text.toString('utf8').trim()}`));
    const over = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const lines = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> });
    const said = lines[Symbol.asyncIterator]();
    const next = async (): Promise<string> => String((await said.next()).value ?? 'no answer');
    const leave = async (more: Covered): Promise<Covered> => {
      child.stdin?.end();
      await over;
      rmSync(`${this.#pins}/${file}`);
      return more;
    };
    const first = await next();
    const found = /^found (own|host) ([0-9a-f]+)$/.exec(first);
    if (!found) return leave({ why: first.slice(first.indexOf(' ') + 1) });
    const made = found[1] === 'own';
    const name = Buffer.from(found[2] ?? '', 'hex').toString('latin1');
    const what = wanted(name, made);
    if (what !== 'cover') return leave(what === 'allowed' ? { allowed: true } : { why: `${name} is on no list` });
    child.stdin?.write('y');
    const done = await next();
    if (done !== 'covered') return leave({ why: done.slice(done.indexOf(' ') + 1) });
    this.#standing.set(ticket, { child, over });
    setTimeout(() => void this.uncover(ticket), LONGEST_MS).unref();
    return { ticket, file, name, made };
  }

  /** Resolves when the file is there again. */
  async uncover(ticket: number): Promise<void> {
    const standing = this.#standing.get(ticket);
    this.#standing.delete(ticket);
    standing?.child.stdin?.end();
    await standing?.over;
  }
}
