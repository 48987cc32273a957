import type { ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import { startLauncher } from '../../../host/launch/launch.ts';
import type { Begun, SpareLaunchers } from '../../../host/launch/spare-launcher.ts';
import { openTerminal } from '../../../host/launch/terminal.ts';
import { childrenOf, signalGroup } from '../../../host/processes/processes.ts';
import type { Order } from '../../../tiers/orders.ts';
import type { Compartment } from '../compartments/compartment.ts';

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

  constructor(compartment: Compartment, command: Command, spares: SpareLaunchers, onExit: (status: number) => void) {
    const { argv, terminal } = command;
    const environment = terminal ? terminalEnvironment(compartment, terminal.term) : {};
    const { place, rest } = divided(compartment.orders(environment));
    const args = argv.map((value): Order => ({ do: 'arg', value }));
    const begun = terminal ? onTerminal(compartment, terminal) : spares.take(place);
    begun.order(terminal ? [...place, ...rest, ...args, { do: 'tty' }] : [...rest, ...args]);
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

  /** The operator went away: hang up, then end it. Again and again: on a busy machine its launcher may only then begin it. */
  hangUp(): void {
    this.signal('SIGHUP');
    const again = setInterval(() => this.signal('SIGKILL'), 2000);
    this.#launcher.once('exit', () => clearInterval(again));
    if (this.#launcher.exitCode !== null || this.#launcher.signalCode !== null) clearInterval(again);
  }
}

/** Where a command runs, and what is its own. */
export function divided(orders: readonly Order[]): {
  readonly place: readonly Order[];
  readonly rest: readonly Order[];
} {
  const own = (order: Order): boolean => order.do === 'env' || order.do === 'cwd';
  return { place: orders.filter((order) => !own(order)), rest: orders.filter(own) };
}

function terminalEnvironment({ facts }: Compartment, term: string): Record<string, string> {
  return { TERM: term, PS1: `${facts.agent.name}:\\w\\$ ` };
}

function onTerminal(compartment: Compartment, size: { rows: number; columns: number }): Begun {
  const { master, slave } = openTerminal(compartment.firstPid ?? 0, compartment.facts, size);
  try {
    return { ...startLauncher('enter', [slave, slave, slave], compartment.handedOn), ours: [master] };
  } finally {
    closeSync(slave);
  }
}
