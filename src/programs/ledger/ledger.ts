import { readFileSync } from 'node:fs';
import { mkdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { EMPTY_EDGE, edgeRoot } from '../../ledger/edge.ts';
import { type Admitted, admit, type Writer as By } from '../../ledger/entry.ts';
import { readIfThere, replaceFile, syncFolder } from './files.ts';
import { Followers } from './follow.ts';
import { lockFolder } from './lock.ts';
import { Log } from './log.ts';
import { type Head, publish, type Signer } from './publisher.ts';
import { type Recovered, recover } from './recover.ts';
import { Store } from './store.ts';
import type { Tail } from './tail.ts';
import { keepWhole } from './whole.ts';
import { refused, type Strength, Writer } from './writer.ts';

const PUBLISH_EVERY_MS = 1000;

/** The parts of the ledger, put together, over one folder. */
export class Ledger {
  readonly #dir: string;
  readonly #signer: Signer;
  readonly #tail: Tail;
  readonly #log: Log;
  readonly #writer: Writer;
  readonly #report: (line: string) => void;
  readonly store: Store;
  readonly followers: Followers;
  #head: Head;
  #readers: ReadonlySet<number> = new Set();
  #publishing: Promise<void> = Promise.resolve();
  #publishFailing: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(dir: string, recovered: Recovered, head: Head, ends: Ends) {
    this.#dir = dir;
    this.#signer = recovered.signer;
    this.#tail = recovered.tail;
    this.#head = head;
    this.#report = ends.report;
    this.#log = new Log(join(dir, 'log'), recovered.tail.end);
    this.#writer = new Writer({
      log: this.#log,
      tail: this.#tail,
      lastTime: recovered.lastTime,
      clock: Date.now,
      now: () => performance.now(),
      onAcknowledged: () => {
        this.followers.wake();
        this.#planPublish();
      },
      onBroken: ends.onBroken,
    });
    this.store = new Store(dir, this.#tail, () => this.#writer.acknowledged);
    this.followers = new Followers(this.store, ends.onBug);
  }

  /** Recovers the folder, publishes what was recovered, and marks a gap where something accepted may be lost.
   *  @throws Failure `ledger-damaged`, `ledger-in-use` */
  static async open(dir: string, ends: Ends): Promise<Ledger> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    lockFolder(dir);
    const boot = bootId();
    const before = (await readIfThere(join(dir, 'running')))?.toString().trim();
    const recovered = await recover(dir);
    const lost = before !== undefined && (before !== boot || recovered.torn > 0) ? 'possible' : 'none';
    const marker = join(dir, 'running');
    // Until the gap is on record, a crash must not make the loss look smaller: no boot has this id.
    if (lost === 'possible') await replaceFile(marker, 'lost\n');
    const start = recovered.head ?? { edge: EMPTY_EDGE, root: edgeRoot(EMPTY_EDGE), checkpoint: '' };
    const { tail, signer, segments } = recovered;
    const count = tail.end - start.edge.size;
    const head = await publish(dir, start, tail.end, tail, signer);
    tail.dropBelow(tail.end);
    for (const name of segments) await unlink(join(dir, 'log', name));
    const ledger = new Ledger(dir, recovered, head, ends);
    if (before !== undefined) {
      const gap = { event: 'gap', cause: 'unclean-stop', lost, recovered: count, torn: recovered.torn };
      await ledger.append([admit(gap)], 'ledger', 'acknowledged');
    }
    await replaceFile(marker, `${boot}\n`);
    return ledger;
  }

  get readers(): ReadonlySet<number> {
    return this.#readers;
  }

  /** Operators who are not in the new list are cut off at once. */
  setReaders(uids: readonly number[]): void {
    this.#readers = new Set(uids);
    for (const { caller, peer, socket } of this.followers.all())
      if (caller === 'operator' && !this.#readers.has(peer.uid)) socket.destroy();
  }

  async append(entries: readonly Admitted[], by: By, strength: Strength): Promise<number> {
    if (entries.some(({ whole }) => whole !== undefined))
      await keepWhole(this.#dir, entries).catch((error: Error) => {
        throw refused(error);
      });
    return this.#writer.append(entries, by, strength);
  }

  settled(): Promise<void> {
    return this.#writer.settled();
  }

  /** The last signed head; `root` in base64, as in the checkpoint. */
  head(): { size: number; root: string; checkpoint: string } {
    const { edge, root, checkpoint } = this.#head;
    return { size: edge.size, root: root.toString('base64'), checkpoint };
  }

  health(): object {
    return {
      accepted: this.#writer.accepted,
      acknowledged: this.#writer.acknowledged,
      signed: this.#head.edge.size,
      oldestUnsyncedMs: this.#writer.oldestUnsyncedMs(),
      full: this.#writer.full,
      ...(this.#publishFailing === undefined ? {} : { publishing: this.#publishFailing }),
    };
  }

  /** Clean end: everything accepted is on disk and signed. */
  async finish(): Promise<void> {
    await this.#writer.close();
    clearTimeout(this.#timer);
    await this.#publishing;
    await this.#publish();
    clearTimeout(this.#timer);
    if (this.#head.edge.size !== this.#tail.end) return; // the log is needed for the rest
    this.#log.close();
    await unlink(join(this.#dir, 'running'));
    await syncFolder(this.#dir);
  }

  #planPublish(): void {
    this.#timer ??= setTimeout(() => {
      this.#publishing = this.#publish().finally(() => {
        this.#timer = undefined;
        if (this.#writer.acknowledged > this.#head.edge.size) this.#planPublish();
      });
    }, PUBLISH_EVERY_MS);
  }

  /** A head that cannot be written now is tried again in a second; entries stay in the log and in memory until then. */
  async #publish(): Promise<void> {
    const size = this.#writer.acknowledged;
    try {
      if (size > this.#head.edge.size) {
        this.#head = await publish(this.#dir, this.#head, size, this.#tail, this.#signer);
        this.#tail.dropBelow(size);
        this.#log.dropBelow(size);
      }
      if (this.#publishFailing !== undefined) this.#report(`the head is written again, at ${size}`);
      this.#publishFailing = undefined;
      this.#writer.published();
    } catch (error) {
      this.#writer.notPublished(error as Error);
      const why = String(error);
      if (why !== this.#publishFailing) this.#report(`the head could not be written: ${why}`);
      this.#publishFailing = why;
    }
  }
}

/** What the process does about things that the ledger itself cannot mend. */
export interface Ends {
  readonly report: (line: string) => void;
  readonly onBroken: (why: Error) => void;
  readonly onBug: (error: unknown) => void;
}

/** A loss of power or a crash of the kernel changes it, the death of a program does not (random(4)). */
function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
