import { lstatSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Made } from '../../../host/files/made.ts';
import { held } from '../../../host/hands/folders.ts';
import { launch } from '../../../host/launch/launch.ts';
import { renewKnowledge } from '../../../host/view/knowledge-files.ts';
import type { CompartmentFacts } from '../../../tiers/facts.ts';
import type { Order } from '../../../tiers/orders.ts';
import { outerSpace } from '../../../tiers/sandbox.ts';
import type { Compartment } from '../compartments/compartment.ts';
import type { Logs } from '../logs/logs.ts';
import { NameWatch } from './name-watch.ts';

/** Several names change at once when a tool writes; they are looked at together. */
const SETTLE_MS = 10;
/** One that was taken away again just as it was to be covered is looked at again then. */
const AGAIN_MS = 1000;

/** Puts back what a rename on the host takes off a running compartment. A mount goes away in every namespace when somebody
 *  replaces what it stands on by rename, as editors and git do (rename(2)): then a masked name is open. It is noticed by
 *  inotify within milliseconds, and by every round of probes. Knowledge that is one file is linked anew in the same way.
 *
 *  For those milliseconds an agent can write what was put there, or make what was taken away; so it is always told. */
export class Mending {
  readonly #logs: Logs;
  readonly #made: Made;
  readonly #watchers = new Map<Compartment, NameWatch[]>();
  /** First processes of compartments whose names are just being covered. */
  readonly #covering = new Set<number>();

  /** @param made  where folders that hold a name are written down, to be taken away with the rest */
  constructor(logs: Logs, made: Made) {
    this.#logs = logs;
    this.#made = made;
  }

  /** From before the compartment starts until `unwatch`. */
  watch(compartment: Compartment): void {
    const { facts } = compartment;
    this.unwatch(compartment);
    renewKnowledge(facts.knowledgeFolder, facts.knowledge);
    let settling: NodeJS.Timeout | undefined;
    // Begun by the first of several, not put off by the next: the agent, who shares the folder, must not be able to put it off.
    const look = (): void => {
      if (settling) return;
      settling = setTimeout(() => {
        settling = undefined;
        this.#look(compartment);
      }, SETTLE_MS);
    };
    const failed = (error: Error): void => this.#log(compartment).note(`watching ended: ${error.message}`);
    const watchers = watched(facts).map(({ folder, names }) => new NameWatch(folder, names, look, failed));
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
    const open = facts.workspace.masks.map(({ name }) => name).filter((name) => !mounted.has(`/workspace/${name}`));
    for (const name of open) this.#hold(join(facts.workspace.path, name));
    const at = open.map((name) => `/workspace/${name}`);
    if (open.length > 0 && !this.#covering.has(firstPid)) this.#cover(compartment, firstPid, at);
    return at;
  }

  /** A name that was taken away on the host is held again, as it is before a compartment starts. */
  #hold(path: string): void {
    if (lstatSync(path, { throwIfNoEntry: false })) return;
    const step = { do: 'make', what: { kind: 'held', path } } as const;
    this.#made.begin(step);
    held.make(step.what);
    this.#made.end(step);
  }

  #look(compartment: Compartment): void {
    try {
      const open = this.mend(compartment);
      if (open.length > 0)
        this.#log(compartment).note(
          `replaced on the host, so masked again: ${open.join(', ')}. For a moment the agent could write there: look before you use it`,
        );
    } catch (error) {
      this.#log(compartment).note(`mending failed: ${(error as Error).message}`);
    }
  }

  #cover(compartment: Compartment, firstPid: number, open: readonly string[]): void {
    const orders: Order[] = [
      ...(compartment.facts.network.in === 'own'
        ? [{ do: 'rootless' } as const, outerSpace(compartment.keeperPid ?? 0)]
        : []),
      { do: 'ns', kind: 'mnt', path: `/proc/${firstPid}/ns/mnt` },
      ...open.map((at): Order => ({ do: 'cover', at, flags: ['ro', 'nosuid', 'nodev', 'noexec'] })),
    ];
    const launcher = launch('mend', orders, ['ignore', 'ignore', 'pipe']);
    this.#covering.add(firstPid);
    launcher.once('close', (status) => {
      this.#covering.delete(firstPid);
      const look = (): void => {
        if (compartment.firstPid === firstPid) this.#look(compartment); // what was replaced meanwhile
      };
      if (status === 0) look();
      else setTimeout(look, AGAIN_MS);
    });
    launcher.stderr?.on('data', (chunk: Buffer) =>
      this.#log(compartment).note(`mending: ${chunk.toString('utf8').trim()}`),
    );
  }

  #log(compartment: Compartment): ReturnType<Logs['ofAgent']> {
    return this.#logs.ofAgent(compartment.facts.agent.name);
  }
}

/** The folders where a change matters, and the names that matter in each. */
function watched(facts: CompartmentFacts): { folder: string; names: ReadonlySet<string> }[] {
  const paths = [
    ...facts.workspace.masks.map(({ name }) => join(facts.workspace.path, name)),
    ...facts.knowledge.filter(({ is }) => is === 'file').map(({ path }) => path),
  ];
  const folders = Map.groupBy(paths, dirname);
  return [...folders].map(([folder, inside]) => ({ folder, names: new Set(inside.map((path) => basename(path))) }));
}

function mountPoints(pid: number): string[] {
  return readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
}
