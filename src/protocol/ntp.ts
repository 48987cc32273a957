/** Asking for the time (RFC 5905, 7.3; RFC 4330): messages of 48 bytes, without extension fields and without a MAC. The agent controls every byte
 *  of a request, a server every byte of an answer; nothing of either is copied but the timestamp that answers a request. */
const LENGTH = 48;
const CLIENT = 3;
const SERVER = 4;
const UNSYNCHRONISED = 3;
/** Seconds; no clock that is further from its source than this is one (RFC 5905, MAXDISP). */
const FARTHEST = 16;
/** Milliseconds, as a power of two in seconds: what our own clock can tell apart. */
const PRECISION = -10;
/** Seconds, as a power of two: how often it makes sense to ask. */
const POLL = 4;

/** 64 bits: seconds since 1900 in an era that is not said, and their fraction. */
export type Timestamp = bigint;

export interface TimeRequest {
  readonly version: number;
  /** Comes back as the origin of the answer. */
  readonly transmit: Timestamp;
}

/** What a server says of its clock. */
export interface TimeAnswer {
  /** 0, or 1 or 2: the last minute of the day has a second more or less. */
  readonly leap: number;
  /** 1 to 15. */
  readonly stratum: number;
  /** Of the server to its own source, in seconds. */
  readonly rootDelay: number;
  readonly rootDispersion: number;
  readonly receive: Timestamp;
  readonly transmit: Timestamp;
}

export type Refused = { readonly kind: 'refused'; readonly why: string };

export function readTimeRequest(
  message: Uint8Array,
): { readonly kind: 'request'; readonly request: TimeRequest } | Refused {
  const why = notBare(message, CLIENT);
  if (why !== undefined) return { kind: 'refused', why };
  const view = viewOf(message);
  return { kind: 'request', request: { version: versionOf(view), transmit: view.getBigUint64(40) } };
}

/** A server's answer to the request that went out with this timestamp, which nobody else can have seen.
 *  `kiss`: the server wants not to be asked (RFC 5905, 7.4). */
export function readTimeAnswer(
  message: Uint8Array,
  asked: Timestamp,
):
  | { readonly kind: 'answer'; readonly answer: TimeAnswer }
  | { readonly kind: 'kiss'; readonly code: string }
  | Refused {
  const bare = notBare(message, SERVER);
  if (bare !== undefined) return { kind: 'refused', why: bare };
  const view = viewOf(message);
  if (view.getBigUint64(24) !== asked) return { kind: 'refused', why: 'answers another request' };
  const leap = view.getUint8(0) >> 6;
  const stratum = view.getUint8(1);
  if (stratum === 0) {
    const code = String.fromCharCode(...message.subarray(12, 16));
    return { kind: 'kiss', code: /^[A-Z]{4}$/.test(code) ? code : 'a code that is none' };
  }
  const answer = {
    ...{ leap, stratum },
    rootDelay: view.getUint32(4) / 0x10000,
    rootDispersion: view.getUint32(8) / 0x10000,
    receive: view.getBigUint64(32),
    transmit: view.getBigUint64(40),
  };
  const why = notTime(answer, view.getBigUint64(16));
  return why === undefined ? { kind: 'answer', answer } : { kind: 'refused', why };
}

/** The packet checks of RFC 5905, A.5.1.1. */
function notTime(
  { leap, stratum, rootDelay, rootDispersion, receive, transmit }: TimeAnswer,
  reference: Timestamp,
): string | undefined {
  if (leap === UNSYNCHRONISED || stratum > 15) return 'its clock is not synchronised';
  if (receive === 0n || transmit === 0n) return 'it says no time';
  if (rootDelay / 2 + rootDispersion >= FARTHEST) return 'its clock is too far from its source';
  const backwards =
    millisecondsBetween(receive, transmit) < 0 || (reference !== 0n && millisecondsBetween(reference, transmit) < 0);
  return backwards ? 'its times contradict each other' : undefined;
}

/** What a client need not say stays zero, and its own time is nobody's business (draft-ietf-ntp-data-minimization-04, 4).
 *  @param transmit  random */
export function writeTimeRequest(transmit: Timestamp): Uint8Array {
  const message = new Uint8Array(LENGTH);
  const view = viewOf(message);
  view.setUint8(0, (4 << 3) | CLIENT);
  view.setUint8(3, 0x20);
  view.setBigUint64(40, transmit);
  return message;
}

/** An answer of our own to an agent.
 *  @param reference  when our clock was last set */
export function writeTimeAnswer(request: TimeRequest, answer: TimeAnswer, reference: Timestamp): Uint8Array {
  const message = new Uint8Array(LENGTH);
  const view = viewOf(message);
  view.setUint8(0, (answer.leap << 6) | (request.version << 3) | SERVER);
  view.setUint8(1, answer.stratum);
  view.setUint8(2, POLL);
  view.setInt8(3, PRECISION);
  view.setUint32(4, fixed(answer.rootDelay));
  view.setUint32(8, fixed(answer.rootDispersion));
  message.set(NOBODY, 12);
  view.setBigUint64(16, reference);
  view.setBigUint64(24, request.transmit);
  view.setBigUint64(32, answer.receive);
  view.setBigUint64(40, answer.transmit);
  return message;
}

/** Where we have the time from is not said: an address that is nobody's (RFC 5737). */
const NOBODY: readonly number[] = [192, 0, 2, 123];

/** Tells a client that it may not ask (RFC 5905, 7.4, `DENY`); it says no time. */
export function writeTimeDenial({ version, transmit }: TimeRequest): Uint8Array {
  const message = new Uint8Array(LENGTH);
  const view = viewOf(message);
  view.setUint8(0, (UNSYNCHRONISED << 6) | (version << 3) | SERVER);
  view.setUint8(2, POLL);
  view.setInt8(3, PRECISION);
  message.set(
    Array.from('DENY', (letter) => letter.charCodeAt(0)),
    12,
  );
  for (const at of [24, 32, 40]) view.setBigUint64(at, transmit);
  return message;
}

/** The time so many milliseconds later; across the end of an era too. */
export function later(stamp: Timestamp, ms: number): Timestamp {
  return BigInt.asUintN(64, stamp + BigInt(Math.round(ms * (0x100000000 / 1000))));
}

/** From one to the other; negative if the other was before. They must lie within 68 years. */
export function millisecondsBetween(from: Timestamp, to: Timestamp): number {
  return (Number(BigInt.asIntN(64, to - from)) / 0x100000000) * 1000;
}

function notBare(message: Uint8Array, wanted: number): string | undefined {
  if (message.length !== LENGTH)
    return message.length < LENGTH ? 'too short' : 'more than 48 bytes: extension fields and MACs are refused';
  const view = viewOf(message);
  const mode = view.getUint8(0) & 7;
  if (mode !== wanted) return `its mode is ${mode}, not ${wanted}`;
  const version = versionOf(view);
  return version === 3 || version === 4 ? undefined : `its version is ${version}, not 3 or 4`;
}

function versionOf(view: DataView): number {
  return (view.getUint8(0) >> 3) & 7;
}

/** Seconds as 16 bits and 16 bits of fraction. */
function fixed(seconds: number): number {
  return Math.min(0xffffffff, Math.max(0, Math.round(seconds * 0x10000)));
}

function viewOf(message: Uint8Array): DataView {
  return new DataView(message.buffer, message.byteOffset, message.byteLength);
}
