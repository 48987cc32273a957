import { existsSync, readFileSync } from 'node:fs';
import { replaceFile } from '../../../host/files/replace-file.ts';
import { canonicalJson } from '../../../model/canonical.ts';
import type { WantedAgent } from '../../../model/fleet.ts';
import type { CompartmentFacts, ElevatedProgram } from '../../../tiers/facts.ts';

/** What the programs of elevated commands were when an operator last ran `bulkhead up`: it outlives the warden, so that a program that
 *  changed meanwhile does not become the one that was meant. */
export class ElevatedPins {
  readonly #path: string;
  #pins: Readonly<Record<string, Readonly<Record<string, ElevatedProgram>>>>;

  constructor(path: string) {
    this.#path = path;
    this.#pins = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
  }

  keep(compartments: Iterable<CompartmentFacts>): void {
    const pins = [...compartments].map(({ agent, elevated = [] }) => [
      agent.name,
      Object.fromEntries((agent.elevated ?? []).map(({ run }, i) => [run[0], elevated[i]])),
    ]);
    this.#pins = Object.fromEntries(pins);
    replaceFile(this.#path, canonicalJson(this.#pins));
  }

  /** In the order of the agent's rules. */
  of({ name, elevated = [] }: WantedAgent): (ElevatedProgram | undefined)[] {
    return elevated.map(({ run }) => this.#pins[name]?.[run[0] ?? '']);
  }
}
