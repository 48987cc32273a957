import { type FSWatcher, readFileSync, watch } from 'node:fs';
import { dirname, join } from 'node:path';
import { renewKnowledge } from '../../host/knowledge-files.ts';
import { launch } from '../../host/launch.ts';
import type { CompartmentFacts } from '../../tiers/facts.ts';
import type { Order } from '../../tiers/orders.ts';
import type { Compartment } from './compartment.ts';
import type { Logs } from './logs.ts';

/** Several names change at once when a tool writes; they are looked at together. */
const SETTLE_MS = 10;

/** Puts back what a rename on the host takes off a running compartment. A mount goes away in every namespace when somebody
 *  replaces what it stands on by rename, as editors and git do (rename(2)): then a masked name is open. It is noticed by
 *  inotify within milliseconds, and by every round of probes. Knowledge that is one file is linked anew in the same way. */
export class Mending {
  readonly #logs: Logs;
  readonly #watchers = new Map<Compartment, FSWatcher[]>();

  constructor(logs: Logs) {
    this.#logs = logs;
  }

  /** From before the compartment starts until `unwatch`. */
  watch(compartment: Compartment): void {
    const { facts } = compartment;
    this.unwatch(compartment);
    renewKnowledge(facts.knowledgeFolder, facts.knowledge);
    let settling: NodeJS.Timeout | undefined;
    const look = (): void => {
      clearTimeout(settling);
      settling = setTimeout(() => this.#look(compartment), SETTLE_MS);
    };
    const watchers = watchedFolders(facts).map((folder) => watch(folder, { persistent: false }, look));
    for (const watcher of watchers)
      watcher.on('error', (error) => this.#log(compartment).note(`watching ended: ${error.message}`));
    this.#watchers.set(compartment, watchers);
  }

  unwatch(compartment: Compartment): void {
    for (const watcher of this.#watchers.get(compartment) ?? []) watcher.close();
    this.#watchers.delete(compartment);
  }

  /** @returns the masked names that were open; they are being closed again */
  mend(compartment: Compartment): string[] {
    const { firstPid, facts } = compartment;
    if (firstPid === undefined) return [];
    const renewed = renewKnowledge(facts.knowledgeFolder, facts.knowledge);
    if (renewed.length > 0) this.#log(compartment).note(`knowledge renewed: ${renewed.join(', ')}`);
    const mounted = new Set(mountPoints(firstPid));
    const open = facts.workspace.masks.map(({ name }) => `/workspace/${name}`).filter((at) => !mounted.has(at));
    if (open.length > 0) this.#cover(compartment, firstPid, open);
    return open;
  }

  #look(compartment: Compartment): void {
    try {
      const open = this.mend(compartment);
      if (open.length > 0) this.#log(compartment).note(`replaced on the host, so masked again: ${open.join(', ')}`);
    } catch (error) {
      this.#log(compartment).note(`mending failed: ${(error as Error).message}`);
    }
  }

  #cover(compartment: Compartment, firstPid: number, open: readonly string[]): void {
    const orders: Order[] = [
      { do: 'ns', kind: 'mnt', path: `/proc/${firstPid}/ns/mnt` },
      ...open.map((at): Order => ({ do: 'cover', at, flags: ['ro', 'nosuid', 'nodev', 'noexec'] })),
    ];
    const launcher = launch('mend', orders, ['ignore', 'ignore', 'pipe']);
    launcher.stderr?.on('data', (chunk: Buffer) =>
      this.#log(compartment).note(`mending: ${chunk.toString('utf8').trim()}`),
    );
  }

  #log(compartment: Compartment): ReturnType<Logs['ofAgent']> {
    return this.#logs.ofAgent(compartment.facts.agent.name);
  }
}

function watchedFolders(facts: CompartmentFacts): string[] {
  const masked = facts.workspace.masks
    .filter(({ is }) => is !== 'held')
    .map(({ name }) => dirname(join(facts.workspace.path, name)));
  const known = facts.knowledge.filter(({ is }) => is === 'file').map(({ path }) => dirname(path));
  return [...new Set([...masked, ...known])];
}

function mountPoints(pid: number): string[] {
  return readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
}
