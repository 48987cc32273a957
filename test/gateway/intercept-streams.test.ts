import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
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
await c.wait(20_000, c.over(1)); print(c.data(1));`,
    );
    assert.equal(data, 'plain', method);
    await world.heard(({ end }) => end === true);
    const sent = world.said.map((one) => one.data ?? '').join('');
    assert.equal(sent, 'a query', method);
    world.said.length = 0;
  }
});

test('a field twice that may stand once: in the trailers of an answer it ends that stream, in an interim answer it is left out', async () => {
  await answering('etag twice in trailers');
  const [trailed] = await byHand<[number | null]>(
    world,
    `const c = await open();
c.send(head(1, ['GET', '/'], 5)); await c.wait(20_000, c.over(1)); print([c.reset(1) ?? null]);`,
  );
  assert.ok(trailed !== null && trailed > 0, String(trailed));
  await world.recorded('egress.denied', ({ why }) => why === 'the answer is malformed: etag is given twice');
  await answering('etag twice in an interim answer');
  const answer = await byHand<[string, number]>(
    world,
    `const c = await open();
c.send(head(1, ['GET', '/'], 5)); await c.wait(20_000, c.over(1)); print([c.data(1), c.answers(1)]);`,
  );
  assert.deepEqual(answer, ['after', 1]);
});

test('a field twice that may stand once: in a request it is refused before a secret is used, in its trailers it ends that stream', async () => {
  await answering('plain');
  const auth = `['authorization', 'Bearer ${world.stand}']`;
  const used = world.events('secret.used').length;
  const twice = await byHand<string>(
    world,
    `const c = await open();
c.send(head(1, ['GET', '/', ${auth}, ['etag', 'a'], ['etag', 'b']], 5)); await c.wait(20_000, c.over(1)); print(c.data(1));`,
  );
  assert.match(twice, /malformed request: etag is given twice/);
  assert.equal(world.events('secret.used').length, used);
  const [data, reset, other] = await byHand<[string, number, string]>(
    world,
    `const c = await open();
c.send(head(1, ['POST', '/']), frame(DATA, 0, 1, Buffer.from('x')), frame(HEADERS, 5, 1, fields([['etag', 'a'], ['etag', 'b']])));
await c.wait(20_000, c.over(1)); c.send(head(3, ['GET', '/'], 5)); await c.wait(20_000, c.over(3)); print([c.data(1), c.reset(1) ?? 0, c.data(3)]);`,
  );
  assert.ok(/twice/.test(data) || reset > 0, `${data} ${reset}`);
  assert.equal(other, 'plain');
});

test('what was reset without an error in the middle is not passed on as if it were whole', async () => {
  await answering('no error in the middle');
  const reset = await byHand<number | null>(
    world,
    `const c = await open();
c.send(head(1, ['GET', '/'], 5)); await c.wait(20_000, c.over(1)); print(c.reset(1) ?? null);`,
  );
  assert.ok(reset !== null && reset > 0, String(reset));
  await answering('an early word to each piece');
  await byHand(
    world,
    `const c = await open();
c.send(head(1, ['POST', '/']), frame(DATA, 0, 1, Buffer.from('part'))); await c.wait(20_000, () => c.answers(1) > 0);
c.send(frame(RST, 0, 1, Buffer.alloc(4))); await c.wait(1500); print(1);`,
  );
  await world.heard(({ type }) => type === 3);
  assert.deepEqual(
    world.said.filter(({ end }) => end),
    [],
  );
});

test('an agent that resets without an error while it is answered harms nobody', async () => {
  await answering('etag twice in an interim answer');
  const data = await byHand<string>(
    world,
    `const c = await open();
for (let i = 0; i < 40; i++) c.send(head(2 * i + 1, ['GET', '/'], 5), frame(RST, 0, 2 * i + 1, Buffer.alloc(4)));
c.send(head(1001, ['GET', '/'], 5)); await c.wait(20_000, c.over(1001)); print(c.data(1001));`,
  );
  assert.equal(data, 'after');
});

test('a 100 is said once', async () => {
  await answering('continue');
  const [data, heads] = await byHand<[string, number]>(
    world,
    `const c = await open();
c.send(head(1, ['POST', '/', ['expect', '100-continue']])); await c.wait(20_000, () => c.answers(1) > 1);
c.send(frame(DATA, 1, 1, Buffer.from('x'))); await c.wait(20_000, c.over(1)); print([c.data(1), c.answers(1)]);`,
  );
  assert.deepEqual([data, heads], ['went on', 2]);
});

test('who waits to be told to go on with a body that is judged as a whole is told', async () => {
  await answering('plain');
  const key = { variable: 'KEY', secret: 'api', host: 'allow.test', port: 9443, in: ['json key'] };
  const egress = [{ host: 'allow.test', port: 9443 }];
  const roots = [readFileSync(join(world.dir, 'cert.pem'), 'utf8')];
  await world.warden.call('policy', { roots, agents: [{ name: 'coder', egress, grants: [], secrets: [key] }] });
  const [heads, data] = await byHand<[number, string]>(
    world,
    `const c = await open();
c.send(head(1, ['POST', '/', ['content-type', 'application/json'], ['expect', '100-continue']]));
await c.wait(20_000, () => c.answers(1) > 0); const told = c.answers(1);
c.send(frame(DATA, 1, 1, Buffer.from('{}'))); await c.wait(20_000, c.over(1)); print([told, c.data(1)]);`,
  );
  assert.deepEqual([heads, data], [1, 'plain']);
});
