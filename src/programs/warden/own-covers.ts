import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const COVER: string = fileURLToPath(new URL('../../host/cover-own.pl', import.meta.url));
/** No program of an agent's own is larger. */
const MOST_BYTES = 128 * 1024 * 1024;
/** Covered for no longer than this, whatever the gate says. */
const LONGEST_MS = 5000;

/** What the gate gets to know. Without `ticket` there is nothing of the agent's own under that path. */
export interface Covered {
  readonly ticket?: number;
  /** The path inside, bytes as latin1. */
  readonly name?: string;
  /** The copy of what lies under the stub, in the folder of copies. */
  readonly file?: string;
  readonly why?: string;
}

/** `exec.own: ask`: the stub is mounted over a file that an agent made, in the compartment and for a moment, so that starting it asks. */
export class OwnCovers {
  readonly #pins: string;
  readonly #note: (text: string) => void;
  readonly #standing = new Map<number, { readonly child: ChildProcess; readonly over: Promise<void> }>();
  #next = 1;

  constructor(pins: string, note: (text: string) => void) {
    this.#pins = pins;
    this.#note = note;
  }

  /** @param frame  `pid` of who is about to execute it, `base` and `path` (latin1) as it gave them */
  async cover(frame: Readonly<Record<string, unknown>>): Promise<Covered> {
    const ticket = this.#next++;
    const file = `own-${process.pid}-${ticket}`;
    const into = openSync(`${this.#pins}/${file}`, 'wx', 0o600);
    const path = Buffer.from(String(frame.path), 'latin1').toString('hex');
    const child = spawn(
      '/usr/bin/perl',
      [COVER, String(Number(frame.pid)), String(Number(frame.base)), path, String(MOST_BYTES)],
      { stdio: ['pipe', 'pipe', 'pipe', into], env: {}, cwd: '/' },
    );
    closeSync(into);
    child.stdin?.on('error', () => {}); // its end says so
    child.stderr?.on('data', (text: Buffer) => this.#note(`covering: ${text.toString('utf8').trim()}`));
    const over = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const lines = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> });
    const first = await Promise.race([new Promise<string>((resolve) => lines.once('line', resolve)), over]);
    const [word, ...rest] = (first ?? 'no answer').split(' ');
    if (word !== 'covered') {
      rmSync(`${this.#pins}/${file}`);
      return { why: rest.join(' ') };
    }
    this.#standing.set(ticket, { child, over });
    setTimeout(() => void this.uncover(ticket), LONGEST_MS).unref();
    return { ticket, file, name: Buffer.from(rest[0] ?? '', 'hex').toString('latin1') };
  }

  /** Resolves when the file is there again. */
  async uncover(ticket: number): Promise<void> {
    const standing = this.#standing.get(ticket);
    this.#standing.delete(ticket);
    standing?.child.stdin?.end();
    await standing?.over;
  }
}
