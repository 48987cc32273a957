import { type Address, addressBytes } from './address.ts';
import { Cursor } from './bytes.ts';

/** DNS messages (RFC 1035, EDNS: RFC 6891), as far as answering single questions needs. The agent controls every byte. */
export const TYPE_A = 1;
export const TYPE_AAAA = 28;
const TYPE_OPT = 41;
const CLASS_IN = 1;

export const NOERROR = 0;
export const FORMERR = 1;
export const SERVFAIL = 2;
export const NOTIMP = 4;
export const REFUSED = 5;

export interface Query {
  readonly id: number;
  readonly recursionDesired: boolean;
  /** The question as it came: answers repeat it, letter case included. */
  readonly question: Uint8Array;
  /** Presentation form without the last dot, letter case as asked; bytes outside letters, digits, `-` and `_` as `\DDD`. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** The query had an OPT record, so the answer has one. */
  readonly edns: boolean;
}

export type Decoded =
  | { readonly kind: 'query'; readonly query: Query }
  /** Answer with this code and nothing else. */
  | { readonly kind: 'error'; readonly id: number; readonly rcode: number }
  /** Not a question (too short, or itself an answer): no answer, so that two servers can never talk to each other. */
  | { readonly kind: 'drop' };

export function decodeQuery(message: Uint8Array): Decoded {
  if (message.length < 12) return { kind: 'drop' };
  const cursor = new Cursor(message);
  const id = cursor.number(2);
  const flags = cursor.number(2);
  if (flags & 0x8000) return { kind: 'drop' };
  if ((flags >> 11) & 15) return { kind: 'error', id, rcode: NOTIMP };
  try {
    const [questions, answers, authorities, additional] = [2, 2, 2, 2].map(() => cursor.number(2));
    if (questions !== 1 || answers !== 0 || authorities !== 0 || (additional ?? 2) > 1)
      return { kind: 'error', id, rcode: FORMERR };
    const name = readName(cursor);
    const type = cursor.number(2);
    const dnsClass = cursor.number(2);
    const question = message.subarray(12, cursor.at);
    const edns = additional === 1 && readOpt(cursor);
    if (cursor.left !== 0) return { kind: 'error', id, rcode: FORMERR };
    const recursionDesired = (flags & 0x0100) !== 0;
    return { kind: 'query', query: { id, recursionDesired, question, name, type, class: dnsClass, edns } };
  } catch (error) {
    if (error instanceof RangeError) return { kind: 'error', id, rcode: FORMERR };
    throw error;
  }
}

/** Labels without compression (nothing precedes the question that a pointer could point to). */
function readName(cursor: Cursor): string {
  const labels: string[] = [];
  for (let length = 1; ; ) {
    const size = cursor.number(1);
    if (size === 0) return labels.join('.');
    length += size + 1;
    if (size > 63 || length > 255) throw new RangeError('a label or name is too long');
    labels.push(Array.from(cursor.take(size), shown).join(''));
  }
}

function shown(byte: number): string {
  const letter = String.fromCharCode(byte);
  return /[A-Za-z0-9_-]/.test(letter) ? letter : `\\${String(byte).padStart(3, '0')}`;
}

/** @returns whether the additional record is an OPT (RFC 6891, 6.1.2) @throws RangeError if it is cut off */
function readOpt(cursor: Cursor): boolean {
  const root = cursor.number(1);
  const type = cursor.number(2);
  cursor.take(6);
  cursor.take(cursor.number(2));
  if (root !== 0 || type !== TYPE_OPT) throw new RangeError('an additional record that is no OPT');
  return true;
}

/** @param addresses  one family each: A for IPv4, AAAA for IPv6
 *  @param ttl  seconds */
export function encodeAnswer(query: Query, rcode: number, addresses: readonly Address[] = [], ttl: number = 0): Buffer {
  const records = addresses.map((address) => {
    const bytes = addressBytes(address);
    const record = Buffer.alloc(12 + bytes.length);
    record.writeUInt16BE(0xc00c, 0); // the name of the question, which is always at 12
    record.writeUInt16BE(bytes.length === 4 ? TYPE_A : TYPE_AAAA, 2);
    record.writeUInt16BE(CLASS_IN, 4);
    record.writeUInt32BE(ttl, 6);
    record.writeUInt16BE(bytes.length, 10);
    record.set(bytes, 12);
    return record;
  });
  const opt = query.edns ? [Buffer.from([0, 0, TYPE_OPT, 0x04, 0xd0, 0, 0, 0, 0, 0, 0])] : []; // we take 1232 bytes
  const head = header(query.id, rcode, query.recursionDesired, 1, records.length, opt.length);
  return Buffer.concat([head, query.question, ...records, ...opt]);
}

export function encodeError(id: number, rcode: number): Buffer {
  return header(id, rcode, false, 0, 0, 0);
}

function header(id: number, rcode: number, rd: boolean, questions: number, answers: number, extra: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt16BE(id, 0);
  bytes.writeUInt16BE(0x8080 | (rd ? 0x0100 : 0) | rcode, 2); // QR, RA
  bytes.writeUInt16BE(questions, 4);
  bytes.writeUInt16BE(answers, 6);
  bytes.writeUInt16BE(extra, 10);
  return bytes;
}

export function isInternet(query: Query): boolean {
  return query.class === CLASS_IN;
}
