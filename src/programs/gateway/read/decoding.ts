import { once } from 'node:events';
import { createBrotliDecompress, createUnzip, createZstdDecompress } from 'node:zlib';
import { type Header, valuesOf } from '../../../protocol/http1.ts';

/** Content codings that a server may use although it was asked for none. */
export type Coding = 'gzip' | 'deflate' | 'br' | 'zstd';

/** @returns undefined: none. `other`: one that cannot be undone here */
export function codingOf(headers: readonly Header[]): Coding | 'other' | undefined {
  const named = valuesOf({ headers }, 'content-encoding').join(',').trim().toLowerCase();
  if (named === '' || named === 'identity') return undefined;
  if (named === 'gzip' || named === 'x-gzip') return 'gzip';
  return named === 'deflate' || named === 'br' || named === 'zstd' ? named : 'other';
}

/** Fields that say something about the coded form only. */
const OF_THE_CODED = ['content-encoding', 'content-length', 'transfer-encoding', 'content-digest', 'content-md5'];

/** The fields of an answer whose body is passed on without its coding. */
export function withoutCoding(headers: readonly Header[]): Header[] {
  return headers.filter(([name]) => !OF_THE_CODED.includes(name));
}

/** A body may become this much without anybody asking how; beyond that, no larger than so many times what came. */
const FREE = 64 << 20;
const MOST_TIMES = 200;

/** What a coded body says, piece by piece, no faster than it is taken. @throws Error when it is malformed or expands beyond all bounds */
export async function* decoded(body: AsyncIterable<Buffer>, coding: Coding): AsyncGenerator<Buffer> {
  const make = { gzip: createUnzip, deflate: createUnzip, br: createBrotliDecompress, zstd: createZstdDecompress };
  const decoder = make[coding]();
  let [came, became] = [0, 0];
  const feed = async (): Promise<void> => {
    for await (const data of body) {
      came += data.length;
      if (!decoder.write(data)) await once(decoder, 'drain');
    }
    decoder.end();
  };
  feed().catch((error: Error) => decoder.destroy(error));
  try {
    for await (const piece of decoder as AsyncIterable<Buffer>) {
      became += piece.length;
      if (became > FREE && became > came * MOST_TIMES) throw new Error('a compressed body expands beyond all bounds');
      yield piece;
    }
  } finally {
    decoder.destroy();
  }
}
