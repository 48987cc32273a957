import type { CgroupRoots } from '../../../host/cgroup/cgroup-roots.ts';
import type { Made } from '../../../host/files/made.ts';
import type { Hand, Of } from '../../../host/hands/hand.ts';
import { deadEndHand, hostRulesHand } from '../../../host/hands/host-network.ts';
import { lookAtRouting, type Routing } from '../../../host/net/dead-end.ts';
import { Failure } from '../../../model/failure.ts';
import { describe } from '../../../plan/describe.ts';
import type { Resource } from '../../../plan/resource.ts';

/** How long a look at the machine serves for all agents of a round, milliseconds. */
const FRESH_MS = 1_000;

/** What holds agents in the host's own network (tier `user`): looked at before each of them starts and in every round, and put back
 *  where somebody took it away. Other things of the host are not touched. */
export class HostNetwork {
  readonly #made: Made;
  readonly #deadEnd: Hand<Of<'dead-end'>>;
  readonly #rules: Hand<Of<'host-rules'>>;
  readonly #note: (text: string) => void;
  #seen: { readonly at: number; readonly routing: Routing } | undefined;
  #checked: { readonly at: number; readonly rules: string } | undefined;

  /** @param made  says what of it is to be there */
  constructor(made: Made, cgroups: CgroupRoots, note: (text: string) => void) {
    this.#made = made;
    this.#deadEnd = deadEndHand(cgroups, () => this.#routing());
    this.#rules = hostRulesHand(cgroups);
    this.#note = note;
  }

  /** Before an agent starts: looked at now, whatever was seen a moment ago. */
  async mustHold(uid: number): Promise<void> {
    this.#seen = undefined;
    this.#checked = undefined;
    await this.mend(uid);
  }

  /** @returns what was not as it should be, in words; it is again when this returns
   *  @throws Failure when it cannot be put back, or was never made: then this agent must not run */
  async mend(uid: number): Promise<string[]> {
    const made = this.#made.list();
    const deadEnd = made.find((what) => what.kind === 'dead-end' && what.uid === uid);
    const rules = made.find((what) => what.kind === 'host-rules' && what.agents.some((agent) => agent.uid === uid));
    if (deadEnd?.kind !== 'dead-end' || rules?.kind !== 'host-rules')
      throw new Failure(
        'no-dead-end',
        `Nothing keeps uid ${uid} from the network of the host.`,
        'Make it: bulkhead up',
        1,
      );
    return [
      ...(await this.#mended(this.#deadEnd, bare(deadEnd))),
      ...(this.#fresh(this.#checked?.at) && this.#checked?.rules === JSON.stringify(rules)
        ? []
        : await this.#mended(this.#rules, bareRules(rules))),
    ];
  }

  async #mended<R extends Resource>(hand: Hand<R>, what: R): Promise<string[]> {
    const found = await hand.observe(what, { wanted: true, made: true });
    const whole = found !== undefined && !('missing' in found) && !('altered' in found);
    if (whole) {
      if (what.kind === 'host-rules') this.#checked = { at: performance.now(), rules: JSON.stringify(what) };
      return [];
    }
    const words =
      found === undefined ? `${describe({ do: 'make', what })}` : describe({ do: 'change', what, was: found });
    await hand.make(what);
    this.#seen = undefined;
    this.#note(`somebody took away what holds agents in the host's network; put back: ${words}`);
    return [words.slice(2)];
  }

  #routing(): Routing {
    if (this.#seen && this.#fresh(this.#seen.at)) return this.#seen.routing;
    this.#seen = { at: performance.now(), routing: lookAtRouting() };
    return this.#seen.routing;
  }

  #fresh(at: number | undefined): boolean {
    return at !== undefined && performance.now() - at < FRESH_MS;
  }
}

function bare({ missing: _, ...what }: Of<'dead-end'>): Of<'dead-end'> {
  return what;
}

function bareRules({ altered: _, ...what }: Of<'host-rules'>): Of<'host-rules'> {
  return what;
}
