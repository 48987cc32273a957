import { setTimeout as sleep } from 'node:timers/promises';
import type { Recorder } from '../../host/apply.ts';
import { inTime } from '../../host/in-time.ts';
import { Failure } from '../../model/failure.ts';
import { describe } from '../../plan/describe.ts';
import type { Step } from '../../plan/step.ts';
import { dialLedger, type LedgerClient, type LedgerEntry, type Strength } from '../../wire/ledger-client.ts';

/** How long the ledger may take to answer. What it takes later is in the record and was not done. */
const PATIENCE_MS = 5000;
const AGAIN_MS = 500;

/** The warden's end of the ledger. While it is away every `write` is refused: no record, no act. */
export class Record implements Recorder {
  readonly #path: string;
  readonly #onLost: (entry: LedgerEntry, why: string) => void;
  #client: LedgerClient | undefined;

  /** @param onLost  what becomes of an entry about something done that could not be written: it must not vanish */
  constructor(path: string, onLost: (entry: LedgerEntry, why: string) => void) {
    this.#path = path;
    this.#onLost = onLost;
  }

  get connected(): boolean {
    return this.#client !== undefined;
  }

  async connect(readers: readonly number[]): Promise<void> {
    const client = await dialLedger(this.#path);
    await client.client.call('readers', { uids: readers });
    client.client.onEnd = () => {
      if (this.#client === client) this.#client = undefined;
    };
    this.#client = client;
  }

  async readers(uids: readonly number[]): Promise<void> {
    await this.#client?.client.call('readers', { uids });
  }

  /** @throws when the ledger does not answer, or takes nothing more */
  async health(): Promise<void> {
    if (!this.#client) throw new Error('the ledger is not running');
    const { full } = (await inTime(this.#client.client.call('health'), PATIENCE_MS, NO_ANSWER)) as { full?: boolean };
    if (full) throw new Error('the ledger cannot write: its disk is full');
  }

  /** @throws Failure `record-failed`: do not act */
  async write(entry: LedgerEntry, strength: Strength = 'acknowledged'): Promise<void> {
    if (!this.#client)
      throw new Failure(
        'record-failed',
        'The ledger is not running, so nothing can be recorded and nothing is started.',
        'It is being started again; the reason is in: bulkhead logs ledger',
        1,
      );
    await inTime(this.#client.append([entry], strength), PATIENCE_MS, NO_ANSWER);
  }

  /** For what is to be on record before anything goes on, and waits for a ledger that is slow or away. */
  async persist(entry: LedgerEntry): Promise<void> {
    for (;;) {
      try {
        return await this.write(entry);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
      }
      await sleep(AGAIN_MS);
    }
  }

  /** For what has happened already and cannot be refused any more: an end, a failure. It is written when the ledger can. */
  tell(entry: LedgerEntry): void {
    this.write(entry, 'accepted').catch((error: Error) => this.#onLost(entry, error.message));
  }

  /** For the one thing that is done without a ledger: ending everything. Each step goes to the warden's log instead. */
  without(): Recorder {
    const note = async (step: Step): Promise<void> =>
      this.#onLost({ event: 'step.begin', text: describe(step) }, 'the ledger is away');
    return { begin: note, end: async () => {}, failed: note };
  }

  async begin(step: Step): Promise<void> {
    await this.write({ event: 'step.begin', text: describe(step), ...subject(step) });
  }

  async end(step: Step): Promise<void> {
    await this.write({ event: 'step.end', text: describe(step), ...subject(step) }, 'accepted');
  }

  async failed(step: Step, why: string): Promise<void> {
    await this.write({ event: 'step.failed', text: describe(step), why, ...subject(step) });
  }
}

function subject(step: Step): { agent?: string } {
  return 'agent' in step.what ? { agent: step.what.agent } : {};
}

const NO_ANSWER = (): Failure =>
  new Failure(
    'record-failed',
    `The ledger has not answered for ${PATIENCE_MS / 1000} s, so nothing can be recorded and nothing is started.`,
    'See what it does: bulkhead status, bulkhead logs ledger',
    1,
  );
