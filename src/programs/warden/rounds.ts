import type { MeasuredWall } from '../../model/documents.ts';
import { WALLS } from '../../model/enforcement.ts';
import type { StandingFleet } from './fleet.ts';

/** Rounds of probes over all compartments, every minute and whenever somebody asks. */
export class Rounds {
  readonly #measured = new Map<string, readonly MeasuredWall[]>();
  readonly fleet: StandingFleet;
  constructor(fleet: StandingFleet) {
    this.fleet = fleet;
  }

  wallsOf(agent: string): readonly MeasuredWall[] {
    return this.#measured.get(agent) ?? WALLS.map((wall) => ({ wall, level: 'unknown', why: 'not measured yet' }));
  }

  async now(_agents?: readonly string[]): Promise<void> {}
}
