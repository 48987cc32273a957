import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { FrameWriter } from '../../src/programs/gateway/read/websocket.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const MIB = 1024 * 1024;

/** Bytes that the process holds, on the heap and beside it. */
function held(): number {
  collect();
  const { heapUsed, arrayBuffers, external } = process.memoryUsage();
  return heapUsed + Math.max(arrayBuffers, external);
}

test('a frame that comes byte by byte takes the memory of its bytes, not of its pieces', () => {
  const size = 60_000;
  const before = held();
  const writers = Array.from({ length: 10 }, () => new FrameWriter(true, [], []));
  for (const writer of writers)
    for (let i = 0; i < size; i++)
      assert.equal(writer.push({ opcode: 1, fin: true, data: Buffer.alloc(1, 'x'), last: false }).length, 0);
  const took = held() - before;
  assert.ok(took < 16 * MIB, `${Math.round(took / MIB)} MiB for ${writers.length} frames of ${size} bytes`);
  const [first] = writers;
  const frame = first?.push({ opcode: 1, fin: true, data: Buffer.from('end'), last: true }) ?? assert.fail();
  const mask = frame.subarray(4, 8);
  const text = Buffer.from(frame.subarray(8).map((byte, i) => byte ^ (mask[i % 4] as number))).toString();
  assert.equal(text, `${'x'.repeat(size)}end`);
});
