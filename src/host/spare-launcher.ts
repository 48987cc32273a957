import { closeSync, readFileSync } from 'node:fs';
import { startLauncher, type Waiting } from './launch.ts';
import { pipe } from './pipes.ts';

/** A launcher that waits for the orders of a command. */
export interface Begun extends Waiting {
  /** Our ends of what its command reads and writes (stdin, stdout, stderr; or a terminal alone). Whoever takes it owns them. */
  readonly ours: readonly number[];
}

/** Keeps one launcher that has begun, on pipes of its own, and knows of no compartment yet: a command then waits for neither the
 *  fork of a large process nor for Perl. It is the launcher that would have been started for that command, only earlier, and it
 *  is given away once; when the warden ends, its orders end, and so does it (docs/design/007-fast-run.md). */
export class SpareLauncher {
  #spare: Begun | undefined;
  #ended = false;

  /** Has one ready, if there is none. One that ends by itself is not replaced before somebody wants it. */
  prepare(): void {
    if (this.#spare !== undefined || this.#ended) return;
    const spare = begin();
    this.#spare = spare;
    const forget = (): void => {
      if (this.#spare !== spare) return;
      this.#spare = undefined;
      discard(spare);
    };
    spare.child.once('exit', forget);
    spare.child.once('error', forget);
  }

  /** The one that is ready, else a new one. */
  take(): Begun {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare === undefined) return begin();
    if (lives(spare.child.pid)) return spare;
    discard(spare);
    return begin();
  }

  end(): void {
    this.#ended = true;
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare) discard(spare);
  }
}

function begin(): Begun {
  const [input, output, errors] = [pipe(), pipe(), pipe()];
  try {
    const waiting = startLauncher('enter', [input.read, output.write, errors.write]);
    return { ...waiting, ours: [input.write, output.read, errors.read] };
  } finally {
    for (const fd of [input.read, output.write, errors.write]) closeSync(fd);
  }
}

function discard({ child, ours }: Begun): void {
  child.kill('SIGKILL');
  for (const fd of ours) closeSync(fd);
}

/** That it has ended may not have been told yet (proc(5), /proc/PID/stat: the state follows the name in parentheses). */
function lives(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return !/^[ZX]/.test(text.slice(text.lastIndexOf(')') + 2));
}
