import { closeSync } from 'node:fs';
import { type Order, orderText } from '../../tiers/orders.ts';
import { pipe } from '../pipes.ts';
import { statOf } from '../processes/process-stat.ts';
import { startLauncher, type Waiting } from './launch.ts';

/** A launcher that waits for the orders of a command. */
export interface Begun extends Waiting {
  /** Our ends of what its command reads and writes (stdin, stdout, stderr; or a terminal alone). Whoever takes it owns them. */
  readonly ours: readonly number[];
}

/** Keeps launchers that have begun, on pipes of their own, so that a command waits for neither the fork of a large process nor
 *  Perl: one that knows of no compartment, and one that is in the compartment where a command ran last, confined, and waits for
 *  what to run. Each is the launcher that would have been started for that command, only earlier, and is given away once. When
 *  the warden ends, its orders end, and so does it (docs/design/007-fast-run.md). */
export class SpareLaunchers {
  readonly #anywhere: Slot;
  readonly #inside: Slot;
  readonly #begin: (orders: readonly Order[]) => Begun;
  #ended = false;

  /** @param more  descriptors that each has from 4 on: the way to the exec gate, closed where it does not answer for the compartment */
  constructor(more: () => readonly number[] = () => []) {
    this.#begin = (orders) => begin(orders, more());
    this.#anywhere = new Slot(this.#begin);
    this.#inside = new Slot(this.#begin);
  }

  /** Has those ready that are not. One that ends by itself is not replaced before somebody wants it.
   *  @param place  orders, from the first on, that say where a command runs; absent: nobody is to wait inside */
  prepare(place?: readonly Order[]): void {
    if (this.#ended) return;
    if (place?.every((order) => PLACE.has(order.do))) this.#inside.fill(orderText(place), [...place, HOLD]);
    this.#anywhere.fill('', []);
  }

  /** One that is ready, else a new one. @param place  as above; what it is ordered then is the rest */
  take(place: readonly Order[]): Begun {
    const inside = this.#inside.take(orderText(place));
    if (inside) return inside;
    const anywhere = this.#anywhere.take('') ?? this.#begin([]);
    anywhere.begin(place);
    return anywhere;
  }

  /** A compartment is about to end or to be frozen: nobody waits inside, or is on the way there, when its processes are counted. */
  leave(): void {
    this.#inside.empty();
  }

  end(): void {
    this.#ended = true;
    for (const slot of [this.#anywhere, this.#inside]) slot.empty();
  }
}

/** Orders of a compartment whose processes end with its cgroup, and see nobody outside of it: one who waits inside goes when it
 *  goes. Where there are others (no root, the host's own process namespace) nobody does. Where the exec gate answers, its listener is made
 *  and handed over when it begins to wait. */
const PLACE: ReadonlySet<string> = new Set(['cgroup', 'ns', 'filter', 'gate', 'runs', 'uid', 'gid', 'group', 'umask']);
const HOLD: Order = { do: 'hold' };

/** Room for one launcher that has been told this much. */
class Slot {
  readonly #begin: (orders: readonly Order[]) => Begun;
  #held: { readonly told: string; readonly launcher: Begun } | undefined;

  constructor(begin: (orders: readonly Order[]) => Begun) {
    this.#begin = begin;
  }

  fill(told: string, orders: readonly Order[]): void {
    if (this.#held?.told === told) return;
    this.empty();
    const launcher = this.#begin(orders);
    const held = { told, launcher };
    this.#held = held;
    const forget = (): void => {
      if (this.#held === held) this.empty();
    };
    launcher.child.once('exit', forget);
    launcher.child.once('error', forget);
  }

  /** The one that was told exactly this, if it lives. */
  take(told: string): Begun | undefined {
    if (this.#held?.told !== told) return undefined;
    const { launcher } = this.#held;
    if (!lives(launcher.child.pid)) {
      this.empty();
      return undefined;
    }
    this.#held = undefined;
    return launcher;
  }

  empty(): void {
    if (this.#held === undefined) return;
    const { child, ours } = this.#held.launcher;
    this.#held = undefined;
    child.kill('SIGKILL');
    for (const fd of ours) closeSync(fd);
  }
}

/** PF_EXITING (linux/sched.h). */
const ENDS = 0x4;
/** The bit of SIGKILL. */
const KILLED = 1 << 8;

function begin(orders: readonly Order[], more: readonly number[]): Begun {
  const [input, output, errors] = [pipe(), pipe(), pipe()];
  try {
    const waiting = startLauncher('enter', [input.read, output.write, errors.write], more);
    waiting.begin(orders);
    return { ...waiting, ours: [input.write, output.read, errors.read] };
  } finally {
    for (const fd of [input.read, output.write, errors.write]) closeSync(fd);
  }
}

/** That it has ended may not have been told yet, and one that was killed may not have come to its end (proc_pid_stat(5): field 3 is its state, 9 has the
 *  kernel's flags, 31 the signals that wait for it). */
function lives(pid: number | undefined): boolean {
  const fields = (pid !== undefined && statOf(pid)) || [];
  const [state = 'X'] = fields;
  const [flags, pending] = [Number(fields[6]), Number(fields[28])];
  return !('ZX'.includes(state) || (flags & ENDS) !== 0 || (pending & KILLED) !== 0);
}
