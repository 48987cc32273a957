import type { ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import { startLauncher } from '../../host/launch.ts';
import { childrenOf, signalGroup } from '../../host/processes.ts';
import type { Begun } from '../../host/spare-launcher.ts';
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

  /** @param piped  a launcher on pipes, for a command without a terminal */
  constructor(compartment: Compartment, command: Command, piped: () => Begun, onExit: (status: number) => void) {
    const { name } = compartment.facts.agent;
    const { argv, terminal } = command;
    const orders = [
      ...compartment.orders(terminal ? { TERM: terminal.term, PS1: `${name}:\\w\\$ ` } : {}),
      ...argv.map((value): Order => ({ do: 'arg', value })),
    ];
    const begun = terminal ? onTerminal(compartment, terminal) : piped();
    begun.order(terminal ? [...orders, { do: 'tty' }] : orders);
    this.#launcher = begun.child;
    this.descriptors = begun.ours;
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

function onTerminal(compartment: Compartment, size: { rows: number; columns: number }): Begun {
  const { master, slave } = openTerminal(compartment.firstPid ?? 0, compartment.facts, size);
  try {
    return { ...startLauncher('enter', [slave, slave, slave]), ours: [master] };
  } finally {
    closeSync(slave);
  }
}
