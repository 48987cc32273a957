import { mkdirSync, readdirSync } from 'node:fs';
import { removeCgroup } from '../../../host/cgroup/cgroup-life.ts';
import { type CgroupRoots, unifiedFolder } from '../../../host/cgroup/cgroup-roots.ts';
import { type Elevation, elevate } from '../../../host/elevate/elevate.ts';
import { elevatedUser } from '../../../host/elevate/elevated-programs.ts';
import type { ElevatedRule } from '../../../model/elevated.ts';
import { Failure } from '../../../model/failure.ts';
import { redactArgv } from '../../../policy/command/redact.ts';
import type { ElevatedTerms } from '../../../policy/question/elevated.ts';
import type { Inbox } from '../inbox/inbox.ts';
import type { Record } from '../record.ts';

export interface RunSurroundings {
  readonly inbox: Pick<Inbox, 'use'>;
  readonly record: Pick<Record, 'write' | 'tell'>;
  readonly cgroups: CgroupRoots;
  readonly fleet: () => string | undefined;
  readonly note: (text: string) => void;
}

/** What was judged, and may be started once. */
export interface Judged {
  readonly number: number;
  readonly agent: string;
  readonly rule: ElevatedRule;
  readonly terms: ElevatedTerms;
  readonly via: string;
  readonly question?: number;
  /** @throws Failure when policy or disk say otherwise by now */
  readonly mustStand: () => void;
}

/** On its way to be started: whoever takes its approval back meanwhile stops it there. */
interface Starting {
  readonly agent: string;
  readonly question?: number;
  stopped?: true;
}

/** Commands of agents that run outside, each in a cgroup of its own: used up, recorded, started, and ended with all that they left. */
export class ElevatedRuns {
  readonly #around: RunSurroundings;
  readonly #starting = new Set<Starting>();
  readonly #running = new Map<number, { readonly agent: string; readonly question?: number; readonly it: Elevation }>();

  constructor(around: RunSurroundings) {
    this.#around = around;
  }

  /** What an earlier warden left is ended: nobody passes its bytes any more. */
  async begin(): Promise<void> {
    const { cgroups, note } = this.#around;
    for (const name of this.#leftovers())
      await removeCgroup(cgroups, name).catch((error: Error) => note(`an elevated command is left: ${error.message}`));
  }

  /** @returns its socket, the caller's. @throws Failure: nothing is started */
  async start(judged: Judged): Promise<number> {
    const { agent, question } = judged;
    const starting: Starting = { agent, ...(question !== undefined && { question }) };
    this.#starting.add(starting);
    try {
      judged.mustStand();
      if (question !== undefined) await this.#around.inbox.use(question);
      return await this.#used(judged, starting);
    } finally {
      this.#starting.delete(starting);
    }
  }

  async #used(
    { number: run, agent, rule, terms, via, question, mustStand }: Judged,
    starting: Starting,
  ): Promise<number> {
    const about = {
      ...{ run, agent, argv: redactArgv(terms.argv), as: terms.as, path: terms.program.path },
      ...(question !== undefined && { question }),
    };
    const spent = { digest: terms.program.digest, rule: rule.run.join(' '), via };
    await this.#around.record.write({ event: 'elevated.started', ...about, ...spent });
    const begun = Date.now();
    try {
      if (starting.stopped) throw new Failure('not-allowed', 'its approval was taken back', 'Ask again.', 1);
      mustStand();
      const { it, cgroup } = this.#execute(run, rule, terms);
      this.#running.set(run, { agent, it, ...(question !== undefined && { question }) });
      void it.ended.then(async (end) => {
        this.#running.delete(run);
        this.#around.record.tell({ event: 'elevated.ended', ...about, ...end, ms: Date.now() - begun });
        await removeCgroup(this.#around.cgroups, cgroup).catch((error: Error) => this.#around.note(error.message));
      });
      return it.socket;
    } catch (error) {
      this.#around.record.tell({ event: 'elevated.ended', ...about, notStarted: (error as Error).message, ms: 0 });
      throw error;
    }
  }

  #execute(run: number, rule: ElevatedRule, terms: ElevatedTerms): { it: Elevation; cgroup: string } {
    const user = elevatedUser(terms.as);
    if (!user) throw new Failure('no-user', `there is no user ${terms.as} on this machine`, 'Run bulkhead plan.', 1);
    const cgroup = this.#cgroup(run);
    const folder = unifiedFolder(this.#around.cgroups, cgroup);
    if (folder === undefined)
      throw new Failure('no-cgroup', 'there is no unified cgroup hierarchy', 'See: bulkhead doctor', 1);
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    return { cgroup, it: elevate({ file: terms.program.path, argv: terms.argv, user, cgroup: folder, ms: rule.time }) };
  }

  /** How many run for an agent. */
  of(agent: string): number {
    return [...this.#running.values()].filter((one) => one.agent === agent).length;
  }

  /** Ends what runs under an approval, or is about to. @returns how many */
  end(question: number): number {
    return this.#end((one) => one.question === question).length;
  }

  /** Ends all that runs, or is about to. */
  async stop(): Promise<void> {
    await Promise.all(this.#end(() => true));
  }

  #end(which: (one: { readonly question?: number }) => boolean): unknown[] {
    const about = [...this.#starting].filter(which);
    for (const one of about) one.stopped = true;
    const under = [...this.#running.values()].filter(which);
    for (const { it } of under) it.stop();
    return [...about, ...under.map(({ it }) => it.ended)];
  }

  /** No agent's: a name never has two dashes. */
  #cgroup(run: number): string {
    return `bulkhead/${this.#around.fleet() ?? 'none'}/elevated--${run}`;
  }

  #leftovers(): string[] {
    const fleet = this.#around.fleet();
    const folder = fleet === undefined ? undefined : unifiedFolder(this.#around.cgroups, `bulkhead/${fleet}`);
    if (folder === undefined) return [];
    try {
      return readdirSync(folder)
        .filter((name) => name.startsWith('elevated--'))
        .map((name) => `bulkhead/${fleet}/${name}`);
    } catch {
      return []; // it is not there: neither is anything in it
    }
  }
}
