import { closeSync } from 'node:fs';
import { endFamily, type Still } from '../../../host/processes/family.ts';
import { signalTo } from '../../../host/processes/pidfd.ts';

/** What was started by an approval and may still run, by the number of the approval: descriptors of processes, taken while each was held
 *  by the gate, so that none is ever another's. */
export class Running {
  readonly #of = new Map<number, number[]>();

  /** @param process  a pidfd, ours from now on */
  add(question: number, process: number): void {
    for (const [id, processes] of this.#of) this.#keep(id, processes.filter(alive));
    this.#keep(question, [...(this.#of.get(question) ?? []), process]);
  }

  /** It was not started after all. */
  drop(question: number, process: number): void {
    const all = this.#of.get(question) ?? [];
    if (!all.includes(process)) return; // it has ended, and is closed
    this.#keep(
      question,
      all.filter((one) => one !== process),
    );
    closeSync(process);
  }

  /** Ends them and their family. @returns how many processes ended. @throws Failure when they cannot be held still: they stay known */
  async end(question: number, still: Still): Promise<number> {
    const processes = this.#of.get(question);
    if (processes === undefined) return 0;
    this.#of.delete(question);
    try {
      const ended = await endFamily(processes, still);
      for (const process of processes) closeSync(process);
      return ended;
    } catch (error) {
      this.#keep(question, [...processes, ...(this.#of.get(question) ?? [])]);
      throw error;
    }
  }

  #keep(question: number, processes: number[]): void {
    if (processes.length === 0) this.#of.delete(question);
    else this.#of.set(question, processes);
  }
}

function alive(process: number): boolean {
  if (signalTo(process, 'nothing')) return true;
  closeSync(process);
  return false;
}
