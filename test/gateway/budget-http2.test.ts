import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Budget } from '../../src/model/budget.ts';
import type { UsageDocument, UsageEntry } from '../../src/model/usage.ts';
import { ReadWorld } from './read-world.ts';

// Requests over HTTP/2 are counted like those of HTTP/1.1.

interface Said {
  readonly path?: string;
  readonly body?: string | number;
}
const world = new ReadWorld<Said>();
before(() => world.begin('http2-origin.ts'));
after(() => world.stop());

const policy = (budget: Budget): Promise<unknown> => {
  const secret = { variable: 'KEY', secret: 'api', host: 'allow.test', port: 9443, in: ['bearer', 'basic'] };
  const egress = [{ host: 'allow.test', port: 9443 }];
  return world.warden.call('policy', {
    roots: [readFileSync(join(world.dir, 'cert.pem'), 'utf8')],
    agents: [{ name: 'coder', egress, grants: [], secrets: [secret], budget }],
  });
};
/** The server answers with the body. */
const post = (body: object): Promise<{ out: string; err: string }> =>
  world.trusting(
    '--http2',
    '-w',
    '%{http_version} %{http_code}',
    '-H',
    `Authorization: Bearer ${world.stand}`,
    ...['--data-binary', JSON.stringify(body), 'https://allow.test:9443/body'],
  );
const usage = async (): Promise<UsageEntry> => {
  const { usage } = (await world.warden.call('usage', { agent: 'coder', days: 1 })) as UsageDocument;
  return usage[0] as UsageEntry;
};

test('tokens are read from answers over HTTP/2, and a cap refuses the next', async () => {
  await policy({ tokens: 20 });
  const said = { model: 'm', usage: { input_tokens: 9, output_tokens: 8 } };
  for (const n of [1, 2]) assert.match((await post({ ...said, n })).out, /2 200$/);
  const { tokens, requests, answers } = await usage();
  assert.deepEqual([tokens.input, tokens.output, requests, answers], [18, 16, 2, 2]);
  const { out } = await post(said);
  assert.match(out, /its budget of 20 tokens .* is used up \(34 tokens\).*2 403$/s);
});

test('a loop is refused before the server has the whole request, in the client’s own version', async () => {
  await policy({ repeats: { times: 2, ms: 60_000 } });
  const before = world.said.filter(({ path }) => path === '/body').length;
  for (const _ of [1, 2]) assert.match((await post({ same: true })).out, /2 200$/);
  assert.match((await post({ same: true })).out, /the same request came more than 2 times.*2 403$/s);
  assert.match((await post({ same: false })).out, /2 200$/);
  assert.equal(world.said.filter(({ path }) => path === '/body').length, before + 3);
});
