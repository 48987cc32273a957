import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeFrame, FrameReader } from '../../src/wire/frames.ts';

const VALUES: readonly unknown[] = [{ a: 1 }, 'é'.repeat(300), [], { b: 'x'.repeat(70_000) }, 0];

test('frames come whole and in order, however their bytes are cut', () => {
  const bytes = Buffer.concat(VALUES.map(encodeFrame));
  for (const piece of [1, 3, 4, 5, 7, 599, 4096, bytes.length]) {
    const reader = new FrameReader();
    const found: unknown[] = [];
    for (let at = 0; at < bytes.length; at += piece) found.push(...reader.push(bytes.subarray(at, at + piece)));
    assert.deepEqual(found, VALUES, `pieces of ${piece}`);
    assert.deepEqual(reader.push(encodeFrame('after')), ['after']);
  }
});

test('a frame that says it is too long, or is no JSON, throws', () => {
  assert.throws(() => new FrameReader(10).push(Buffer.from([0, 0, 0, 11])), RangeError);
  const reader = new FrameReader();
  assert.throws(() => reader.push(Buffer.from([0, 0, 0, 1, 0x7b])), SyntaxError);
});

test('a long frame in small pieces takes work by its length', () => {
  const frame = encodeFrame('x'.repeat(20 * 1024 * 1024));
  const reader = new FrameReader();
  let [copied, found] = [0, 0];
  const concat = Buffer.concat;
  Buffer.concat = (list, length) => {
    const all = concat(list, length);
    copied += all.length;
    return all;
  };
  try {
    for (let at = 0; at < frame.length; at += 4096) found += reader.push(frame.subarray(at, at + 4096)).length;
  } finally {
    Buffer.concat = concat;
  }
  assert.equal(found, 1);
  assert.ok(copied < 3 * frame.length, `${copied} bytes were copied for ${frame.length}`);
});
