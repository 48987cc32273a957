import { canonicalJson } from '../model/canonical.ts';
import { Failure } from '../model/failure.ts';
import { agentName } from '../model/names.ts';
import { sha256 } from './tree.ts';

/** An entry as a writer sends it: `{event, agent?, ...fields}`; what the ledger itself adds may not come from outside. */
export type Entry = { readonly event: string; readonly agent?: string; readonly [field: string]: unknown };
export type Writer = 'warden' | 'gateway' | 'ledger';

/** Canonical bytes of an entry with its stamp stay below 65,535, the most a bundle can hold. */
export const LONGEST_INLINE = 60_000;
/** Bytes of a whole entry, kept beside. */
export const LONGEST_WHOLE: number = 8 * 1024 * 1024;
/** Characters kept of a long field; with none, 200 fields fit in any case. */
const HEADS = [512, 0];
const MOST_FIELDS = 200;
const DEEPEST = 32;
const EVENT = /^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)*$/;
const FIELD = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;
const OURS = new Set(['index', 'time', 'by', 'clock', 'whole']);

/** An entry that waits for its index: members in canonical order, each already canonical JSON. */
export interface Admitted {
  readonly members: readonly (readonly [key: string, json: string])[];
  /** The entry as it was sent, where it is too long: to be on disk under its digest before the entry is. */
  readonly whole?: { readonly digest: string; readonly bytes: Buffer };
}

/** @throws Failure `bad-entry` */
export function admit(raw: unknown): Admitted {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) throw bad('it is not an object');
  const { event, agent } = raw as Record<string, unknown>;
  if (typeof event !== 'string' || event.length > 80 || !EVENT.test(event)) throw bad('its event is not a dotted name');
  if (agent !== undefined) agentName(agent);
  const fields = raw as Record<string, unknown>;
  const keys = Object.keys(fields).sort(); // by UTF-16 code units, as RFC 8785 demands
  if (keys.length > MOST_FIELDS) throw bad(`it has more than ${MOST_FIELDS} fields`);
  const members: [key: string, json: string][] = [];
  for (const key of keys) {
    const value = fields[key];
    if (value === undefined) continue;
    if (OURS.has(key)) throw bad(`the field ${key} is the ledger's own`);
    if (!FIELD.test(key)) throw bad('a field name is not a plain word');
    if (deeper(value, DEEPEST)) throw bad(`it is nested deeper than ${DEEPEST}`);
    members.push([key, `"${key}":${canonicalJson(value)}`]);
  }
  return bytesOf(members) <= LONGEST_INLINE ? { members } : shorten(members, fields);
}

function bad(why: string): Failure {
  return new Failure(
    'bad-entry',
    `the ledger refuses an entry: ${why}`,
    'This is a mistake in the program that wrote it.',
  );
}

function deeper(value: unknown, left: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return left === 0 || Object.values(value).some((member) => deeper(member, left - 1));
}

function bytesOf(members: Admitted['members']): number {
  return members.reduce((sum, [, json]) => sum + Buffer.byteLength(json) + 1, 2);
}

/** Replaces the longest fields by `{digest, length, head}` until the entry fits. `digest` is the SHA-256 and `length` the bytes
 *  of the field (of a string its UTF-8, of anything else its canonical JSON); the ledger's `whole` names the entry as sent. */
function shorten(members: Admitted['members'], fields: Record<string, unknown>): Admitted {
  const bytes = Buffer.from(`{${members.map(([, json]) => json).join(',')}}`);
  if (bytes.length > LONGEST_WHOLE) throw bad(`it is longer than ${LONGEST_WHOLE} bytes`);
  const digest = sha256(bytes).toString('hex');
  const short = new Map(members);
  const byLength = members
    .filter(([key]) => key !== 'event' && key !== 'agent')
    .sort(([, a], [, b]) => b.length - a.length);
  for (const characters of HEADS)
    for (const [key] of byLength) {
      if (bytesOf([...short]) <= LONGEST_INLINE) break;
      const value = fields[key];
      const text = typeof value === 'string' ? value : canonicalJson(value);
      const body = Buffer.from(text);
      const head = text.slice(0, characters).toWellFormed();
      const field = { digest: sha256(body).toString('hex'), head, length: body.length };
      short.set(key, `${JSON.stringify(key)}:${canonicalJson(field)}`);
    }
  return { members: [...short], whole: { digest, bytes } };
}

export interface Stamp {
  readonly index: number;
  /** UTC, ISO 8601 with milliseconds. */
  readonly time: string;
  readonly by: Writer;
  /** Present where the clock stood earlier than the entry before: what it said. */
  readonly clock?: string;
}

/** The bytes that are hashed, stored and read: canonical JSON of the entry and its stamp. */
export function sealEntry(admitted: Admitted, stamp: Stamp): Buffer {
  const stamped: [key: string, json: string][] = [['by', `"by":"${stamp.by}"`]];
  if (stamp.clock !== undefined) stamped.push(['clock', `"clock":"${stamp.clock}"`]);
  stamped.push(['index', `"index":${stamp.index}`], ['time', `"time":"${stamp.time}"`]);
  if (admitted.whole !== undefined) stamped.push(['whole', `"whole":"${admitted.whole.digest}"`]);
  let text = '';
  let next = 0;
  for (const [key, json] of admitted.members) {
    for (let own = stamped[next]; own !== undefined && own[0] < key; own = stamped[++next]) text += `,${own[1]}`;
    text += `,${json}`;
  }
  for (const [, json] of stamped.slice(next)) text += `,${json}`;
  return Buffer.from(`{${text.slice(1)}}`);
}

/** Time never goes back: an earlier clock repeats the last time and says so.
 *  @param last  milliseconds of the last entry
 *  @param clock  milliseconds, what the clock says */
export function timeAfter(
  last: number,
  clock: number,
): { readonly at: number; readonly time: string; readonly clock?: string } {
  if (clock >= last) return { at: clock, time: new Date(clock).toISOString() };
  return { at: last, time: new Date(last).toISOString(), clock: new Date(clock).toISOString() };
}
