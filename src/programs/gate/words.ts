import { processVmReadv } from '../../host/gate/libc-gate.ts';
import { argumentOf, pidOf } from '../../host/gate/seccomp-notify.ts';
import { address } from '../../host/libc.ts';
import { readUpTo } from '../../host/processes/process-memory.ts';
import { type Cuts, cut } from './recorded.ts';

/** What an exec that goes on by file says of itself, for the record alone: who shares that memory may change it while it is read. */
export interface Said {
  readonly path: string;
  /** The first 32 words; of those longer than 256 bytes the beginning, without what has the shape of a secret. */
  readonly argv: readonly string[];
  /** How many words there were, where that is not all; 1056 stands for as many or more. */
  readonly argvWords?: number;
  /** The words that are cut; 4096 bytes stand for as many or more. */
  readonly argvCut?: Cuts;
}

const LONGEST_PATH = 4096;
const MOST_WORDS = 32;
const LONGEST_WORD = 256;
/** Most paths are no longer, and come with the first read. */
const SHORT_PATH = 256;
const PAGE = 4096;

const long: Buffer = Buffer.alloc(LONGEST_PATH);
/** Pointers that are only counted. */
const more: Buffer = Buffer.alloc(8 * 1024);
const room: Buffer = Buffer.alloc(LONGEST_WORD * MOST_WORDS);
/** A short path, then pointers to words. */
const first: Buffer = Buffer.alloc(SHORT_PATH + 8 * MOST_WORDS);
const pointers: Buffer = first.subarray(SHORT_PATH);
/** struct iovec {void *base; size_t length}, as in src/host/processes/process-memory.ts; none crosses a page. */
const firstLocal: Buffer = Buffer.alloc(32);
const firstRemote: Buffer = Buffer.alloc(32);
const local: Buffer = Buffer.alloc(16);
const remote: Buffer = Buffer.alloc(16 * MOST_WORDS);
firstLocal.writeBigUInt64LE(address(first), 0);
firstLocal.writeBigUInt64LE(address(pointers), 16);
local.writeBigUInt64LE(address(room), 0);

/** @param at  0 where the path is the first argument of the call, 1 where it is the second; the words come next */
export function said(question: Buffer, at: 0 | 1): Said {
  const pid = pidOf(question);
  const ofPath = piece(firstRemote, 0, question, 32 + 8 * at, SHORT_PATH);
  const ofWords = piece(firstRemote, 16, question, 40 + 8 * at, 8 * MOST_WORDS) & ~7;
  firstRemote.writeUInt32LE(ofWords, 24);
  firstLocal.writeUInt32LE(ofPath, 8);
  firstLocal.writeUInt32LE(ofWords, 24);
  const got = Number(processVmReadv(pid, firstLocal, 2, firstRemote, 2, 0));
  let path = got >= ofPath ? ended(first.toString('latin1', 0, ofPath)) : undefined;
  path ??= whole(pid, argumentOf(question, at));
  let words = got === ofPath + ofWords ? count(pointers, ofWords) : undefined;
  if (words === undefined) {
    const there = readUpTo(pid, argumentOf(question, at + 1), pointers, 8 * MOST_WORDS);
    words = count(pointers, there) ?? there >> 3;
  }
  const { argv, cuts } = wordsOf(pid, words);
  if (words === MOST_WORDS) words += beyond(pid, argumentOf(question, at + 1) + BigInt(8 * MOST_WORDS));
  return {
    path,
    argv,
    ...(argv.length < words && { argvWords: words }),
    ...(cuts !== undefined && { argvCut: cuts }),
  };
}

/** Writes address and length of a piece of memory. @returns its length: to the end of its page and no longer than `most` */
function piece(to: Buffer, place: number, from: Buffer, at: number, most: number): number {
  const low = from.readUInt32LE(at);
  const length = Math.min(most, PAGE - (low & (PAGE - 1)));
  to.writeUInt32LE(low, place);
  to.writeUInt32LE(from.readUInt32LE(at + 4), place + 4);
  to.writeUInt32LE(length, place + 8);
  return length;
}

/** How many pointers there are before the zero; undefined when it does not come. */
function count(all: Buffer, bytes: number): number | undefined {
  for (let at = 0; at + 8 <= bytes; at += 8)
    if (all.readUInt32LE(at) === 0 && all.readUInt32LE(at + 4) === 0) return at / 8;
  return bytes < all.length ? undefined : all.length / 8;
}

/** How many pointers there are besides those that are recorded. */
function beyond(pid: number, at: bigint): number {
  const there = readUpTo(pid, at, more, more.length);
  return count(more, there) ?? there >> 3;
}

function wordsOf(pid: number, words: number): { argv: string[]; cuts?: Cuts } {
  if (words === 0) return { argv: [] };
  const lengths: number[] = [];
  let bytes = 0;
  for (let i = 0; i < words; i++) {
    const length = piece(remote, 16 * i, pointers, 8 * i, LONGEST_WORD);
    lengths.push(length);
    bytes += length;
  }
  local.writeUInt32LE(bytes, 8);
  const got = Math.max(0, Number(processVmReadv(pid, local, 1, remote, words, 0)));
  const all = room.toString('latin1', 0, got);
  const argv: string[] = [];
  let cuts: Cuts | undefined;
  let from = 0;
  for (const length of lengths) {
    if (from + length > got) break;
    let word = ended(all.slice(from, from + length));
    if (word === undefined) {
      const text = whole(pid, pointers.readBigUInt64LE(8 * argv.length));
      const fits = text.length <= LONGEST_WORD;
      word = fits ? text : cut(text, LONGEST_WORD);
      if (!fits) cuts = { ...cuts, [argv.length]: text.length };
    }
    argv.push(word);
    from += length;
  }
  return { argv, ...(cuts && { cuts }) };
}

/** A text, as much of it as a path may be. */
function whole(pid: number, at: bigint): string {
  const text = long.toString('latin1', 0, readUpTo(pid, at, long, LONGEST_PATH));
  return ended(text) ?? text;
}

function ended(text: string): string | undefined {
  const end = text.indexOf('\0');
  return end < 0 ? undefined : text.slice(0, end);
}
