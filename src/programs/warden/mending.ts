import { readFileSync, statSync } from 'node:fs';
import { launch } from '../../host/launch.ts';
import type { Order } from '../../tiers/orders.ts';
import type { Compartment } from './compartment.ts';
import type { Logs } from './logs.ts';

/** What a rename on the host takes off a running compartment is put back. A mount over a single file goes away in every namespace
 *  when somebody replaces that file by rename (editors and git do; rename(2), mount_namespaces(7)): then a masked name is open,
 *  or a knowledge entry shows the old file. */
export class Mending {
  readonly #logs: Logs;

  constructor(logs: Logs) {
    this.#logs = logs;
  }

  /** @returns the masked names that were open, in words; they are being closed again */
  mend(compartment: Compartment): string[] {
    const { firstPid, facts } = compartment;
    if (firstPid === undefined) return [];
    const mounted = new Set(mountPoints(firstPid));
    const open = facts.workspace.masks.map(({ name }) => `/workspace/${name}`).filter((at) => !mounted.has(at));
    const stale = facts.knowledge.filter(
      (entry) => entry.is === 'file' && !sameFile(entry.path, `/proc/${firstPid}/root/knowledge/${entry.name}`),
    );
    const orders: Order[] = [
      ...stale.map(
        ({ path, name }): Order => ({
          do: 'renew',
          from: path,
          at: `/knowledge/${name}`,
          flags: ['ro', 'nosuid', 'nodev', 'noexec'],
        }),
      ),
      { do: 'ns', kind: 'mnt', path: `/proc/${firstPid}/ns/mnt` },
      ...open.map((at): Order => ({ do: 'cover', at, flags: ['ro', 'nosuid', 'nodev', 'noexec'] })),
    ];
    if (open.length + stale.length > 0) this.#carryOut(compartment, orders);
    return open;
  }

  #carryOut(compartment: Compartment, orders: readonly Order[]): void {
    const log = this.#logs.ofAgent(compartment.facts.agent.name);
    const launcher = launch('mend', orders, ['ignore', 'ignore', 'pipe']);
    launcher.stderr?.on('data', (chunk: Buffer) => log.note(`mending: ${chunk.toString('utf8').trim()}`));
    launcher.once('exit', (code) =>
      log.note(
        code === 0 ? 'a mount that a rename on the host had taken off was put back' : `mending failed (${code})`,
      ),
    );
  }
}

function mountPoints(pid: number): string[] {
  return readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
}

function sameFile(a: string, b: string): boolean {
  const [one, other] = [a, b].map((path) => statSync(path, { throwIfNoEntry: false }));
  return one === undefined || (other !== undefined && one.dev === other.dev && one.ino === other.ino);
}
