import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { NTP_PORT } from '../../../model/bounds.ts';
import type { Address } from '../../../protocol/address.ts';
import {
  later,
  millisecondsBetween,
  readTimeAnswer,
  type TimeAnswer,
  type Timestamp,
  writeTimeRequest,
} from '../../../protocol/ntp.ts';

/** Datagrams that are no answer to ours, from the server's own address, before we give up. */
const MOST_STRAYS = 8;
/** What a clock may be wrong by in a second (RFC 5905, PHI). */
const DRIFT = 15e-6;
/** What the way through two programs costs in accuracy, in seconds. */
const OURS = 0.001;

/** The time at a server, as of a moment of `performance.now()`. */
export interface ServerTime {
  readonly at: number;
  readonly stamp: Timestamp;
  readonly said: TimeAnswer;
  /** There and back, in seconds. */
  readonly delay: number;
}

/** Asks once, from a port of its own (RFC 9109), and hears nobody but that address: the socket is connected.
 *  @param asked  called once the question is on its way
 *  @throws Error, with what is to be on record */
export function askServer(address: Address, ms: number, signal: AbortSignal, asked: () => void): Promise<ServerTime> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const transmit = randomBytes(8).readBigUInt64BE();
    let sent = 0;
    let strays = 0;
    let why = 'no answer in time';
    const end = (act: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', ended);
      socket.close();
      act();
    };
    const fail = (error: Error): void => end(() => reject(error));
    const ended = (): void => fail(new Error(String(signal.reason)));
    const timer = setTimeout(() => fail(new Error(why)), ms);
    signal.addEventListener('abort', ended);
    socket.once('error', (error) => fail(error));
    socket.on('message', (message) => {
      const at = performance.now();
      const read = readTimeAnswer(message, transmit);
      if (read.kind === 'kiss') return fail(new Error(`the server asks not to be asked: ${read.code}`));
      const heard = read.kind === 'answer' ? timeFrom(read.answer, sent, at) : read.why;
      if (typeof heard !== 'string') return end(() => resolve(heard));
      why = `no answer in time but one that ${heard}`;
      strays += 1;
      if (strays >= MOST_STRAYS) fail(new Error('answers that are none'));
    });
    socket.once('connect', () => {
      asked();
      sent = performance.now();
      socket.send(writeTimeRequest(transmit));
    });
    socket.connect(NTP_PORT, address);
  });
}

/** @returns why there is none */
function timeFrom(said: TimeAnswer, sent: number, at: number): ServerTime | string {
  const away = at - sent - millisecondsBetween(said.receive, said.transmit);
  if (away < -OURS * 1000) return 'claims more time than passed';
  const delay = Math.max(0, away);
  return { at, said, delay: delay / 1000, stamp: later(said.transmit, delay / 2) };
}

/** What we say to an agent, as a server one step further away; a second server's answer would be the same to it.
 *  @param came, leaves  of `performance.now()` */
export function answerAt(
  { at, said, delay, stamp }: ServerTime,
  came: number,
  leaves: number,
): { readonly answer: TimeAnswer; readonly reference: Timestamp } {
  const answer = {
    leap: said.leap,
    stratum: Math.min(15, said.stratum + 1),
    rootDelay: said.rootDelay + delay,
    rootDispersion: said.rootDispersion + OURS + (DRIFT * Math.max(0, leaves - at)) / 1000,
    receive: later(stamp, came - at),
    transmit: later(stamp, leaves - at),
  };
  return { answer, reference: stamp };
}
