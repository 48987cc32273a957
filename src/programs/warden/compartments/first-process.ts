import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Held } from '../../../host/cgroup/grip.ts';
import { childrenOf } from '../../../host/processes/processes.ts';

/** Milliseconds: until it must stand, and after its end for the keeper's last act. */
export interface Patience {
  readonly stands: number;
  readonly lastAct: number;
}
const PATIENCE: Patience = { stands: 15_000, lastAct: 5_000 };

/** The first process of a compartment and its keeper, the launcher that holds it from outside: with them the walls stand and end. */
export class FirstProcess {
  readonly #keeper: ChildProcess;
  readonly #patience: Patience;
  #pid: number | undefined;
  #said = '';

  /** @param keeper  a launcher with pipes, just started
   *  @param explain  given what it says before it stands, which explains why it does not; later the agent could speak through it, and is
   *  not listened to */
  constructor(keeper: ChildProcess, explain: (text: string) => void, patience: Patience = PATIENCE) {
    this.#keeper = keeper;
    this.#patience = patience;
    keeper.stderr?.on('data', (chunk: Buffer) => {
      if (this.#pid !== undefined || this.#said.length > 2000) return;
      this.#said += chunk.toString('utf8');
      explain(chunk.toString('utf8').trim());
    });
  }

  /** On the host; undefined until it stands. */
  get pid(): number | undefined {
    return this.#pid;
  }

  get keeperPid(): number | undefined {
    return this.#keeper.pid;
  }

  get held(): Held {
    return { keeper: this.#keeper, firstPid: this.#pid };
  }

  /** Returns once every wall is up. @throws Error that says why they are not */
  async stand(): Promise<void> {
    await this.#echoed().catch((error: Error) => {
      throw new Error(this.#said.trim().split('\n').at(-1) || error.message);
    });
    this.#pid = onlyChild(this.#keeper.pid ?? 0);
  }

  /** @param how  a signal's name, or `status 1` */
  whenEnded(then: (how: string) => void): void {
    this.#keeper.once('exit', (code, signal) => then(signal ?? `status ${code}`));
  }

  /** Returns once the keeper has ended, whose processes were killed before: in tier `user` it writes `cgroup.kill` as its last act,
   *  which must not meet the next compartment.
   *  @returns false when it did not end by itself in time and was killed */
  async ended(): Promise<boolean> {
    const keeper = this.#keeper;
    if (keeper.pid === undefined || keeper.exitCode !== null || keeper.signalCode !== null) return true;
    const exit = once(keeper, 'exit');
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      keeper.kill('SIGKILL');
    }, this.#patience.lastAct);
    await exit;
    clearTimeout(timer);
    return !late;
  }

  /** The anchor inside is `cat`: what it gives back says that every mount is made and the filter is on. */
  #echoed(): Promise<void> {
    const { stdin, stdout } = this.#keeper;
    const { stands } = this.#patience;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`it did not stand within ${stands / 1000} s`)), stands);
      stdout?.once('data', () => {
        clearTimeout(late);
        stdout.on('data', () => {}); // whatever the agent may write there later is nobody's business
        resolve();
      });
      this.whenEnded((how) => {
        clearTimeout(late);
        reject(new Error(`the launcher ended with ${how}`));
      });
      stdin?.on('error', reject);
      stdin?.write('r');
    });
  }
}

function onlyChild(pid: number): number {
  const children = childrenOf(pid);
  const [child] = children;
  if (children.length !== 1 || child === undefined) throw new Error(`process ${pid} should have one child`);
  return child;
}
