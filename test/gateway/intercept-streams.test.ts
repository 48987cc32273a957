import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { byHand } from './raw-http2.ts';
import { ReadWorld } from './read-world.ts';

// Streams of HTTP/2 that say what no library would: whatever comes on one, the gateway lives and serves the others.

interface Said {
  readonly mode?: string;
  readonly type?: number;
  readonly data?: string;
  readonly end?: boolean;
}
const world = new ReadWorld<Said>();
before(() => world.begin('raw-http2-origin.ts'));
after(() => world.stop());
afterEach(() => {
  assert.equal(world.gateway.exitCode, null, 'the gateway lives');
  assert.equal(world.gateway.signalCode, null);
});
const answering = async (mode: string): Promise<void> => {
  world.said.length = 0;
  world.origin.stdin?.write(`${mode}\n`);
  await world.heard((one) => one.mode === mode);
};

test('a GET or OPTIONS with a body goes out with its body', async () => {
  await answering('plain');
  for (const method of ['GET', 'OPTIONS']) {
    const data = await byHand<string>(
      world,
      `const c = await open();
c.send(head(1, ['${method}', '/search']), frame(DATA, 0, 1, Buffer.from('a qu')), frame(DATA, 1, 1, Buffer.from('ery')));
await c.wait(6000, c.over(1)); print(c.data(1));`,
    );
    assert.equal(data, 'plain', method);
    await world.heard(({ end }) => end === true);
    const sent = world.said.map((one) => one.data ?? '').join('');
    assert.equal(sent, 'a query', method);
    world.said.length = 0;
  }
});
