import type { Budget, Cap } from '../../../model/budget.ts';
import type { AgentName } from '../../../model/names.ts';
import { Breaker, onlyReads, READING, REST_MS } from '../../../policy/meter/breaker.ts';
import { type Allowance, limitOf, READ_CAPS, type Spent, spent, unpriced } from '../../../policy/meter/caps.ts';
import { type DayUsage, emptyDay, localDay, withAnswer } from '../../../policy/meter/day.ts';
import { Prices } from '../../../policy/meter/prices.ts';
import type { Usage } from '../../../policy/meter/usage-reader.ts';
import { UsageFile } from './usage-file.ts';

/** What counts a request and what does not; runs are the warden's. */
const OF_REQUESTS: readonly Cap[] = ['requests', 'bytes'];
const OF_COSTLY: readonly Cap[] = [...OF_REQUESTS, ...READ_CAPS];
const MOST_HOSTS = 64;

/** Counts what one agent uses, and says when it is enough. Every count is in a file when the function returns, but for bytes, and for what `count`
 *  counts: that is once `written` has returned. */
export class Meter {
  readonly #file: UsageFile;
  readonly #breaker = new Breaker();
  /** Hosts where an answer has told of tokens: whatever is posted there may cost some. */
  readonly #costly = new Set<string>();
  #today: DayUsage;
  #budget: Budget = {};
  allowances: readonly Allowance[] = [];
  prices: Prices = new Prices();
  /** How long a request is held while a person is asked; milliseconds. */
  askMs = 0;
  #unwritten: string | undefined;
  #unsaved = false;
  #unwrittenCounts = false;
  /** Of the clock, when it was last asked which day it is. */
  #minute = -1;

  constructor(dir: string, agent: AgentName) {
    this.#file = new UsageFile(dir, agent);
    const day = localDay(Date.now());
    this.#today = this.#file.day(day) ?? emptyDay(day);
  }

  get budget(): Budget {
    return this.#budget;
  }

  /** @param askMs  how long a request over it is held while a person is asked */
  rule(budget: Budget, askMs: number, prices: Prices): void {
    this.#budget = budget;
    this.askMs = askMs;
    this.prices = prices;
  }

  get today(): DayUsage {
    const now = Date.now();
    const minute = Math.floor(now / 60_000); // days begin with one
    if (minute === this.#minute) return this.#today;
    this.#minute = minute;
    const day = localDay(now);
    if (this.#today.day === day) return this.#today;
    if (this.#unsaved) this.#put(this.#today);
    this.#today = this.#file.day(day) ?? emptyDay(day);
    return this.#today;
  }

  days(): DayUsage[] {
    return this.#file.days();
  }

  /** Whether a model may be asked unread: not where tokens are to be counted. */
  get countsTokens(): boolean {
    return READ_CAPS.some((cap) => this.#budget[cap] !== undefined);
  }

  /** One request, or a connection that passes unread. @returns why it may not go out; else it is counted */
  request(costly: boolean): Spent | undefined {
    return this.count(costly) ?? this.written();
  }

  /** The same for many at a time: none may go out before `written`. */
  count(costly: boolean): Spent | undefined {
    const why = this.#spent(costly ? OF_COSTLY : OF_REQUESTS);
    if (why) return why;
    const { today } = this;
    this.#today = { ...today, requests: today.requests + 1 };
    this.#unsaved = true;
    this.#unwrittenCounts = true;
    return undefined;
  }

  /** What was counted is in the file when it returns, in one write. @returns why what was counted may not go out all the same */
  written(): Spent | undefined {
    return this.#unwrittenCounts ? this.#put(this.today) : this.#unwritable;
  }

  run(): Spent | undefined {
    const why = this.#spent(['runs']);
    if (why) return why;
    const { today } = this;
    return this.#put({ ...today, runs: today.runs + 1 });
  }

  /** Bytes that have passed. @returns whether it is more than it may */
  bytes(up: number, down: number): Spent | undefined {
    if (up > 0 || down > 0) {
      const { today } = this;
      this.#today = { ...today, up: today.up + up, down: today.down + down };
      this.#unsaved = true;
    }
    return this.#spent(['bytes']);
  }

  /** Bytes alone are written down now and then; everything else at once, with them. */
  save(): void {
    if (this.#unsaved) this.#put(this.today);
  }

  answer(usage: Usage, asked: string | undefined, body: { readonly up: number; readonly down: number }): void {
    this.#put(withAnswer(this.today, usage, asked, body, this.prices));
  }

  refused(): void {
    const { today } = this;
    this.#put({ ...today, refused: today.refused + 1 });
  }

  /** A model that is about to be asked. @returns why not */
  model(name: string | undefined): Spent | undefined {
    if (this.#budget.money === undefined || (name !== undefined && this.prices.knows(name))) return undefined;
    return unpriced(name);
  }

  /** @returns whether this is the first that a person hears of it */
  tell(cap: Cap): boolean {
    const { today } = this;
    if (today.told.includes(cap)) return false;
    this.#put({ ...today, told: [...today.told, cap] });
    return true;
  }

  /** Once a person has given more, the next time that it is used up is told of again. */
  allow(allowances: readonly Allowance[]): void {
    const { today } = this;
    const more = (cap: Cap): boolean =>
      (limitOf(this.#budget, cap, today.day, allowances) ?? 0) > (this.limit(cap) ?? 0);
    const told = today.told.filter((cap) => !more(cap));
    this.allowances = allowances;
    if (told.length < today.told.length) this.#put({ ...today, told });
  }

  limit(cap: Cap): number | undefined {
    return limitOf(this.#budget, cap, this.today.day, this.allowances);
  }

  /** Whether requests are compared at all. */
  get breaks(): boolean {
    return Boolean(this.#budget.repeats);
  }

  /** One request that is the same as others. @returns how it is refused */
  repeated(same: string, method: string): { readonly why: string; readonly first: boolean } | undefined {
    const { repeats } = this.#budget;
    if (!repeats) return undefined;
    const times = repeats.times * (onlyReads(method) ? READING : 1);
    const loop = this.#breaker.count(same, { ...repeats, times }, Date.now());
    if (!loop) return undefined;
    const until = new Date(loop.until).toISOString();
    const why = `the same request came more than ${times} times in ${repeats.ms / 1000} s, which looks like a loop; it is refused until ${until}`;
    return { why, first: loop.first };
  }

  get restMs(): number {
    return REST_MS;
  }

  get loops(): number {
    return this.#breaker.resting(Date.now());
  }

  /** Once there are more than are kept, every host is one: a wildcard has as many names as an agent likes. */
  isCostly(host: string): boolean {
    return this.#costly.has(host) || this.#costly.size >= MOST_HOSTS;
  }

  costs(host: string): void {
    if (this.#costly.size < MOST_HOSTS) this.#costly.add(host);
  }

  #spent(caps: readonly Cap[]): Spent | undefined {
    return spent(this.#budget, this.today, this.prices, this.allowances, caps);
  }

  /** What cannot be counted does not happen, where there is a cap on it. */
  #put(day: DayUsage): Spent | undefined {
    this.#today = day;
    this.#unsaved = false;
    this.#unwrittenCounts = false;
    try {
      this.#file.put(day);
      this.#unwritten = undefined;
    } catch (error) {
      const why = (error as Error).message;
      if (this.#unwritten !== why) console.error(`what is used cannot be written down: ${why}`);
      this.#unwritten = why;
    }
    return this.#unwritable;
  }

  get #unwritable(): Spent | undefined {
    if (this.#unwritten === undefined) return undefined;
    const [cap] = Object.keys(this.#budget).filter((key) => key !== 'ask' && key !== 'repeats') as Cap[];
    return (
      cap && { cap, why: 'what it uses cannot be written down, so its budget cannot be kept', ask: 'ask your operator' }
    );
  }
}
