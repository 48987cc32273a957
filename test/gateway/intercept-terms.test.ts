import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { ReadWorld } from './read-world.ts';

// Requests of HTTP/1.1 on a connection that is read, and what the policy of the moment says of them.

interface Said {
  readonly method?: string;
  readonly url?: string;
  readonly body?: string;
}
const world = new ReadWorld<Said>();
before(() => world.begin('node-origin.ts'));
after(() => world.stop());
afterEach(() => assert.equal(world.gateway.exitCode, null, 'the gateway lives'));
const URL_ = 'https://allow.test:9443';

test('a GET with a body goes out with its body, framed either way', async () => {
  for (const framed of [[], ['-H', 'Transfer-Encoding: chunked']]) {
    const path = `/${framed.length}`;
    const { out, err } = await world.trusting(
      '-X',
      'GET',
      '-d',
      'a query',
      ...framed,
      '-w',
      ' %{http_code}',
      URL_ + path,
    );
    assert.equal(out, 'ok 200', err);
    assert.equal((await world.heard(({ url }) => url === path)).body, 'a query');
  }
});
