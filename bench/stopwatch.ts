import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { amongPeers } from './peers/peers.ts';

/** Times commands from start to exit. It runs in a process of its own, among the peers from Debian, so that every command is
 *  started the same way and none pays for the mounts that bring them. */
export class Stopwatch {
  readonly #child: ChildProcess;
  readonly #answers: ((answer: Answer) => void)[] = [];

  constructor(peers: boolean) {
    const script = fileURLToPath(new URL('clients/stopwatch.ts', import.meta.url));
    const [program = '', ...args] = [...(peers ? amongPeers() : []), process.execPath, script];
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    lines.on('line', (text) => this.#answers.shift()?.(JSON.parse(text) as Answer));
    this.#child.once('exit', () => {
      for (const answer of this.#answers.splice(0)) answer({ ms: 0, error: 'the stopwatch ended' });
    });
  }

  /** @returns milliseconds. @throws when the command does not end well, with its last words */
  async time(argv: readonly string[], cwd: string): Promise<number> {
    const { ms, error } = await new Promise<Answer>((resolve) => {
      this.#answers.push(resolve);
      this.#child.stdin?.write(`${JSON.stringify({ argv, cwd })}\n`);
    });
    if (error !== undefined) throw new Error(error);
    return ms;
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}

interface Answer {
  readonly ms: number;
  readonly error?: string;
}
