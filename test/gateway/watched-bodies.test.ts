import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Incoming, Outgoing } from '../../src/programs/gateway/read/watched-bodies.ts';
import { random } from '../policy/meter/random.ts';

const bytes = Buffer.from('a body of some length, with a mark in it');
const mark = { find: Buffer.from('mark'), put: Buffer.from('mark') };

test('the last byte of a request goes out only once it may: however it is cut, also behind what may be a pattern (seeded)', (t) => {
  const { seed, below } = random();
  t.diagnostic(`seed ${seed}`);
  for (let round = 0; round < 500; round++) {
    const body = bytes.subarray(0, 1 + below(bytes.length - 1)); // some end within the mark
    const cuts = Array.from({ length: below(5) }, () => below(body.length + 1)).sort((a, b) => a - b);
    let asked = 0;
    const taken: Buffer[] = [];
    const out = new Outgoing(
      [mark],
      body.length,
      (chunk) => taken.push(chunk),
      () => {
        asked++;
        return false;
      },
    );
    const sent = Buffer.concat([...cuts, body.length].map((to, i) => out.push(body.subarray(cuts[i - 1] ?? 0, to))));
    assert.ok(sent.length < body.length, 'something is held back');
    assert.equal(asked, 0);
    assert.deepEqual(Buffer.concat([sent, out.end()]), body);
    const found = body.includes('mark');
    assert.deepEqual([asked, out.found > 0], [found ? 0 : 1, found]);
    assert.deepEqual(Buffer.concat(taken), body);
  }
});

test('what may not be completed counts as found, so it is stopped there', () => {
  const out = new Outgoing(
    [],
    bytes.length,
    () => {},
    () => true,
  );
  assert.equal(out.push(bytes).length, bytes.length - 1);
  assert.equal(out.found, 0);
  out.end();
  assert.equal(out.found, 1);
});

test('an answer passes as it comes, and its end is noticed', () => {
  let ended = 0;
  const taken: Buffer[] = [];
  const back = new Incoming(
    [],
    (chunk) => taken.push(chunk),
    () => ended++,
  );
  assert.deepEqual(back.push(bytes), bytes);
  assert.equal(ended, 0);
  back.end();
  assert.deepEqual([ended, Buffer.concat(taken)], [1, bytes]);
});
