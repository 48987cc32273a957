import type { ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import { pipe } from '../../host/pipes.ts';
import { childrenOf, signalGroup } from '../../host/processes.ts';
import { openTerminal } from '../../host/terminal.ts';
import type { Order } from '../../tiers/orders.ts';
import type { Compartment } from './compartment.ts';

/** What an operator asks to have run in a compartment. */
export interface Command {
  readonly argv: readonly string[];
  /** Set: on a terminal of this size, of this kind (TERM). */
  readonly terminal?: { readonly rows: number; readonly columns: number; readonly term: string };
}

/** A command that runs. Its bytes never pass through the warden: the operator's end of its pipes or terminal is handed over. */
export class Session {
  readonly #launcher: ChildProcess;
  /** The operator's ends: stdin, stdout, stderr; or the terminal's master alone. */
  readonly descriptors: readonly number[];

  constructor(compartment: Compartment, command: Command, onExit: (status: number) => void) {
    const { name } = compartment.facts.agent;
    const term = command.terminal ? { TERM: command.terminal.term, PS1: `${name}:\\w\\$ ` } : {};
    const args = command.argv.map((value): Order => ({ do: 'arg', value }));
    const orders = [...compartment.orders(term), ...args];
    const ends = command.terminal ? terminalEnds(compartment, command.terminal) : pipeEnds();
    try {
      this.#launcher = compartment.enter('enter', command.terminal ? [...orders, { do: 'tty' }] : orders, ends.theirs);
    } finally {
      for (const fd of new Set(ends.theirs)) closeSync(fd);
    }
    this.descriptors = ends.ours;
    this.#launcher.once('exit', (code, signal) => onExit(code ?? (signal ? 137 : 125)));
  }

  /** Signals the command's process group; the command leads a session of its own. */
  signal(signal: NodeJS.Signals): void {
    const { pid, exitCode, signalCode } = this.#launcher;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    for (const child of childrenOf(pid)) signalGroup(child, signal);
  }

  /** The operator went away: hang up, then end it. */
  hangUp(): void {
    this.signal('SIGHUP');
    setTimeout(() => {
      if (this.#launcher.exitCode === null) this.signal('SIGKILL');
    }, 2000);
  }
}

interface Ends {
  readonly theirs: readonly [number, number, number];
  readonly ours: readonly number[];
}

function pipeEnds(): Ends {
  const [input, output, errors] = [pipe(), pipe(), pipe()];
  return { theirs: [input.read, output.write, errors.write], ours: [input.write, output.read, errors.read] };
}

function terminalEnds(compartment: Compartment, size: { rows: number; columns: number }): Ends {
  const { master, slave } = openTerminal(compartment.firstPid ?? 0, compartment.facts, size);
  return { theirs: [slave, slave, slave], ours: [master] };
}
