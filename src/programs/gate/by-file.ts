import { posix } from 'node:path';
import {
  argumentOf,
  callOf,
  EXECVEAT,
  idOf,
  letGo,
  pidOf,
  refuse,
  stillWaits,
} from '../../host/gate/seccomp-notify.ts';
import { startTime } from '../../host/processes/process-stat.ts';
import { PROGRAM_FOLDERS } from '../../tiers/view.ts';
import type { Flight } from './flight.ts';
import type { FloodCounts } from './flood-counts.ts';
import type { Holding } from './held.ts';
import type { Journal } from './journal.ts';
import type { Asker, FromHot, ListenerFacts, ToHot } from './messages.ts';
import { mayBeOwn, mayBeUnlisted, type OwnStubs } from './own-stubs.ts';
import type { Standing } from './standing.ts';
import { type Said, said } from './words.ts';

/** Links that every compartment has (src/tiers/sandbox.ts). */
const ALIASES: Readonly<Record<string, string>> = { '/bin': '/usr/bin', '/sbin': '/usr/sbin' };
/** Trees in which no agent makes a link. */
const ROOTS = /^\/(?:usr|bin|sbin|lib[0-9a-z]*)\//;
const AT_FDCWD = -100;
const ENOENT = 2;

interface Tried extends Asker {
  readonly facts: ListenerFacts;
  readonly said: Said;
}

/** Execs that no stub makes. What may be executed at all is decided by the mounts, whatever becomes of the path while we look at it: they
 *  go on, recorded. A name that is not there is said to be not there, so that a search through PATH leaves no trace. */
export class ByFile {
  readonly #flight: Flight;
  readonly #journal: Journal;
  readonly #floods: FloodCounts;
  readonly #holding: Holding;
  readonly #own: OwnStubs;
  readonly #tell: (message: FromHot) => void;
  /** Whoever executes what may be a file of the agent's, by place. */
  readonly #tries = new Map<number, Tried>();

  constructor(
    flight: Flight,
    journal: Journal,
    floods: FloodCounts,
    holding: Holding,
    own: OwnStubs,
    tell: (message: FromHot) => void,
  ) {
    this.#flight = flight;
    this.#journal = journal;
    this.#floods = floods;
    this.#holding = holding;
    this.#own = own;
    this.#tell = tell;
  }

  judge(place: number, facts: ListenerFacts, policy: Standing | undefined): void {
    const question = this.#flight.at(place);
    const first = callOf(question) === EXECVEAT ? 1 : 0;
    const told = said(question, first);
    const unlisted =
      policy?.trees !== undefined && !policy.there.has(told.path) && mayBeUnlisted(told.path, policy.trees);
    if (facts.asks && (unlisted || (policy?.own && mayBeOwn(told.path)))) {
      const { agent } = facts;
      const [id, pid] = [idOf(question), pidOf(question)];
      const base = first === 0 ? AT_FDCWD : Number(BigInt.asIntN(32, argumentOf(question, 0)));
      this.#tries.set(place, { place, id, facts, said: told });
      this.#holding.count(agent, 1);
      const begun = startTime(pid);
      const since = stillWaits(facts.fd, id) ? begun : undefined; // so it was that of the one who waits
      const { device, inode } = facts;
      const who = { agent, pid, since: since ?? '', stub: { device, inode } };
      this.#tell({ tell: 'own', place, id, ...who, base, path: told.path });
      return;
    }
    this.#goOn(place, facts, told, policy, unlisted ? 'a probe or drill asks nobody' : undefined);
  }

  /** The stub stands over what it leads to, or nothing that is to be asked about is there. Recorded either way: it may lead elsewhere by now. */
  go({ place, id, own, left }: Extract<ToHot, { do: 'go' }>, policyOf: (agent: string) => Standing | undefined): void {
    const tried = this.#tries.get(place);
    if (tried?.id !== id) return;
    this.#tries.delete(place);
    const { facts } = tried;
    this.#holding.count(facts.agent, -1);
    if (own) this.#own.set(own);
    const policy = policyOf(facts.agent);
    this.#goOn(place, facts, tried.said, policy, policy?.trees && left);
  }

  /** @param left  why it is on no list and nobody is asked: the kernel refuses it (tier `user`) */
  #goOn(
    place: number,
    { fd, agent }: ListenerFacts,
    told: Said,
    policy: Standing | undefined,
    left: string | undefined,
  ): void {
    const { path } = told;
    const id = idOf(this.#flight.at(place));
    if (isAbsent(policy, path)) refuse(fd, id, ENOENT);
    else {
      const { file } = policy?.stubs[withoutAlias(path)] ?? {};
      if (file === undefined && left !== undefined)
        this.#journal.write({ event: 'exec.denied', agent, ...told, rule: `left to the kernel: ${left}` });
      else if (!leadsToStub(policy, path))
        this.#journal.write({ event: 'exec.allowed', agent, ...told, rule: 'by file' });
      // Where a stub stands, what it asks is on record as another exec, which may be refused.
      else if (file === undefined || !this.#floods.relayed(agent, file))
        this.#journal.write({ event: 'exec.relayed', agent, ...told });
      letGo(fd, id);
    }
    this.#flight.release(place);
  }
}

function isAbsent(policy: Standing | undefined, path: string): boolean {
  if (policy === undefined || policy.there.has(path)) return false;
  const real = withoutAlias(path);
  return PROGRAM_FOLDERS.includes(real.slice(0, real.lastIndexOf('/'))) && !policy.there.has(real);
}

/** Whether a stub stands under this path, or may: what is not root's alone an agent can link to anything. */
function leadsToStub(policy: Standing | undefined, path: string): boolean {
  if (policy === undefined || policy.there.has(path)) return policy !== undefined && isStubbed(policy, path);
  const plain = posix.normalize(path);
  if (policy.trees?.some((tree) => plain.startsWith(`${tree}/`))) return false;
  return !ROOTS.test(plain) || isStubbed(policy, plain);
}

function isStubbed(policy: Standing, path: string): boolean {
  return Object.hasOwn(policy.stubs, withoutAlias(path));
}

function withoutAlias(path: string): string {
  const folder = path.slice(0, path.lastIndexOf('/'));
  return (ALIASES[folder] ?? folder) + path.slice(folder.length);
}
