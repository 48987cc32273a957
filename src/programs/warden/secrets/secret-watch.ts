import { existsSync, readFileSync } from 'node:fs';
import { replaceFile } from '../../../host/files/replace-file.ts';
import type { SecretFinding } from '../../../model/documents.ts';
import type { StandingFleet } from '../fleet.ts';
import type { GatewayLink } from '../programs/gateway-link.ts';
import type { Record } from '../record.ts';
import { secretsAtLarge } from './secret-states.ts';

const EVERY_MS = 60_000;

/** Tells people of what is to be said of secrets: of each finding once, and again only if it went away in between. What was told is kept, so
 *  that a restart tells nothing twice. */
export class SecretWatch {
  readonly #file: string;
  readonly #fleet: StandingFleet;
  readonly #record: Record;
  readonly #gateway: () => GatewayLink | undefined;
  readonly #tell: (text: string) => void;
  #told: readonly string[];
  #busy = false;

  /** @param file  where what was told is kept */
  constructor(
    file: string,
    {
      fleet,
      record,
      gateway,
      tell,
    }: {
      readonly fleet: StandingFleet;
      readonly record: Record;
      readonly gateway: () => GatewayLink | undefined;
      readonly tell: (text: string) => void;
    },
  ) {
    this.#file = file;
    this.#fleet = fleet;
    this.#record = record;
    this.#gateway = gateway;
    this.#tell = tell;
    this.#told = told(file);
  }

  begin(): void {
    setInterval(() => void this.look(), EVERY_MS).unref();
  }

  /** Never rejects: a gateway that is away is asked the next time. */
  async look(): Promise<void> {
    if (this.#busy || !this.#gateway()) return;
    this.#busy = true;
    try {
      this.#take((await secretsAtLarge(this.#fleet, this.#gateway())).findings);
    } catch {
      // the next time
    } finally {
      this.#busy = false;
    }
  }

  #take(findings: readonly SecretFinding[]): void {
    const now = findings.map(({ id, secret }) => `${id} ${secret}`);
    const fresh = findings.filter((_, i) => !this.#told.includes(now[i] ?? ''));
    if (fresh.length === 0 && now.length === this.#told.length) return;
    for (const { id, secret, text } of fresh) {
      this.#record.tell({ event: 'secret.finding', secret, id });
      this.#tell(`${secret}: ${text}`);
    }
    replaceFile(this.#file, JSON.stringify(now)); // last: a death before it tells them twice
    this.#told = now;
  }
}

function told(file: string): string[] {
  try {
    const raw: unknown = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [];
    return Array.isArray(raw) ? raw.map(String) : [];
  } catch {
    return []; // cut off: better told twice than never
  }
}
