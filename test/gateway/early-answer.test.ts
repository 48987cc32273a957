import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { UsageDocument } from '../../src/model/usage.ts';
import { ReadWorld } from './read-world.ts';

const world = new ReadWorld<{ head: string }>();
before(() => world.begin('scripted-origin.ts'));
after(() => world.stop());

test('an answer that comes before the request’s body has ended counts all the same: a body that never ends passes no cap', async () => {
  await world.hold([{}], {}, { budget: { tokens: 900, repeats: null } });
  const head = 'POST /early HTTP/1.1\r\nHost: allow.test:9443\r\nContent-Type: application/json\r\n';
  const unended = `${head}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n`;
  assert.match(await world.send(unended), /^HTTP\/1\.1 200 [\s\S]*"output_tokens":400/);
  const { usage } = (await world.warden.call('usage', { agent: 'coder', days: 1 })) as UsageDocument;
  assert.equal(usage[0]?.tokens.input, 600);
  const sent = world.said.length;
  assert.match(await world.send(unended), /^HTTP\/1\.1 402 [\s\S]*its budget of 900 tokens/);
  assert.equal(world.said.length, sent);
});
