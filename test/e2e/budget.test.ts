import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApprovalsDocument } from '../../src/model/documents.ts';
import type { UsageDocument, UsageEntry } from '../../src/model/usage.ts';
import { dayEnd } from '../../src/policy/meter/day.ts';
import { killed } from './asking.ts';
import { NOT_ROOT, type Stand, withFleetBeside } from './stand.ts';
import { type Origin, startOrigin } from './tls-origin.ts';

const KEY = `key-${'a1B2'.repeat(8)}`;

/** Than this takes on a busy machine. */
const LONGER_MS = 180_000;

/** Requests that the origin has had to their last byte. */
let complete = 0;

/** Says in each of the four formats what it cost: 100 tokens read, 20 of them cached, 7 written. */
function model(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    complete++;
    const asked = JSON.parse(Buffer.concat(chunks).toString() || '{}') as { stream?: boolean; model?: string };
    const name = asked.model ?? 'no-model';
    const events = (...all: object[]): void => {
      response.setHeader('content-type', 'text/event-stream');
      for (const one of all) response.write(`data: ${JSON.stringify(one)}\n\n`);
      response.end();
    };
    const path = request.url ?? '';
    if (path === '/v1/messages' && asked.stream)
      return events(
        {
          type: 'message_start',
          message: { model: name, usage: { input_tokens: 80, cache_read_input_tokens: 20, output_tokens: 1 } },
        },
        { type: 'content_block_delta', delta: { type: 'text_delta', text: '"usage":{"output_tokens":9999}' } },
        { type: 'message_delta', usage: { output_tokens: 7 } },
        { type: 'message_stop' },
      );
    if (path === '/v1/chat/completions' && asked.stream)
      return events({ model: name, choices: [{ delta: { content: 'hi' } }] });
    if (path === '/v1/responses')
      return events(
        { type: 'response.created', response: { model: name, usage: null } },
        {
          type: 'response.completed',
          response: {
            model: name,
            usage: { input_tokens: 100, input_tokens_details: { cached_tokens: 20 }, output_tokens: 7 },
          },
        },
      );
    const body: object = path.includes(':generateContent')
      ? {
          modelVersion: 'known-a',
          usageMetadata: {
            promptTokenCount: 100,
            cachedContentTokenCount: 20,
            candidatesTokenCount: 5,
            thoughtsTokenCount: 2,
          },
        }
      : path === '/v1/messages'
        ? { model: name, usage: { input_tokens: 80, cache_read_input_tokens: 20, output_tokens: 7 } }
        : {
            model: name,
            usage: { prompt_tokens: 100, prompt_tokens_details: { cached_tokens: 20 }, completion_tokens: 7 },
          };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(body));
  });
}

const BUDGETS = {
  meter: '{ tokens: 1M/day }',
  asker: '{ tokens: 200/day, ask: true }',
  poor: '{ money: $0.01/day, runs: 12/day }',
  loop: '{ repeats: 3/5m, requests: 8/day }',
};

const fleet = ({ port, root }: Origin): string => `
roots: [${root}]
prices:
  known-*: { input: 10, output: 100, cache-read: 1 }
defaults:
  limits: { disk: 64M }
  ask: { wait: 0s }
agents:
${Object.keys(BUDGETS)
  .map(
    (name) => `  ${name}:
    egress: [{ host: api.test, port: ${port}, address: 127.0.0.1 }]
    secrets: { MY_KEY: { secret: mine, to: "api.test:${port}" } }
    budget: ${BUDGETS[name as keyof typeof BUDGETS]}
`,
  )
  .join('')}`;

const usage = async (stand: Stand, agent: string): Promise<UsageEntry> => {
  const { stdout, stderr } = await stand.bulkhead(['usage', agent, '--json']);
  const [one] = (JSON.parse(stdout) as UsageDocument).usage;
  assert.ok(one, stdout + stderr);
  return one;
};

/** A POST with curl from inside: the status, and the body. */
function post(stand: Stand, origin: Origin, agent: string) {
  return async (path: string, body: object | string): Promise<{ status: number; body: string }> => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const line = `curl -sS -m 20 -w '\\n%{http_code}' -H "Authorization: Bearer $MY_KEY" -H 'content-type: application/json' --data-binary @- https://api.test:${origin.port}${path}`;
    const { stdout, stderr } = await stand.run(agent, ['sh', '-c', line], { input: text });
    const lines = stdout.split('\n');
    const status = Number(lines.pop());
    return { status, body: lines.join('\n') + stderr };
  };
}

test('what an agent uses is counted and capped, for a day, whatever dies meanwhile', { skip: NOT_ROOT }, async (t) => {
  await withFleetBeside(
    '',
    async (stand) => {
      const origin = await startOrigin(stand.folder, 'api.test', model);
      try {
        stand.write(fleet(origin));
        const left = dayEnd(Date.now()) - Date.now();
        if (left < LONGER_MS) await sleep(left + 1000); // what was used yesterday is no part of it
        assert.equal((await stand.bulkhead(['secrets', 'set', 'mine'], { input: KEY })).status, 0);
        const up = await stand.bulkhead(['up']);
        assert.equal(up.status, 0, up.stdout + up.stderr);
        const killGateway = async (): Promise<void> => {
          await killed(stand, 'gateway');
          for (const late = Date.now() + 60_000; (await stand.bulkhead(['usage'])).status !== 0; await sleep(100))
            assert.ok(Date.now() < late, 'the next gateway does not say what was used');
        };

        await t.test('in the four formats, streamed or not, usage is what the origin sent', async () => {
          const ask = post(stand, origin, 'meter');
          const named = { model: 'known-a', messages: ['hello'] };
          for (const [path, body] of [
            ['/v1/messages', named],
            ['/v1/messages', { ...named, stream: true }],
            ['/v1/chat/completions', named],
            ['/v1/responses', { ...named, stream: true }],
            ['/v1beta/models/known-a:generateContent', { contents: [] }],
          ] as const) {
            const { status, body: answer } = await ask(path, body);
            assert.equal(status, 200, answer);
          }
          const one = await usage(stand, 'meter');
          assert.deepEqual(one.tokens, { input: 400, output: 35, cacheWrite: 0, cacheWriteHour: 0, cacheRead: 100 });
          assert.deepEqual([one.requests, one.answers, one.unsaid.answers, one.runs], [5, 5, 0, 5]);
          assert.equal(one.money.toFixed(4), ((400 * 10 + 100 * 1 + 35 * 100) / 1e6).toFixed(4));
          assert.ok(one.up > 1000 && one.down > 1000, JSON.stringify(one));
        });

        await t.test('an answer that does not say it is unknown, and shown as unknown', async () => {
          const { status } = await post(
            stand,
            origin,
            'meter',
          )('/v1/chat/completions', { model: 'other', stream: true });
          assert.equal(status, 200);
          const { unsaid, unpriced } = await usage(stand, 'meter');
          assert.equal(unsaid.answers, 1);
          assert.ok(unsaid.atMost > 50, 'counted at the most it can be');
          assert.deepEqual(unpriced, [{ model: 'other', answers: 1 }]);
          const { stdout } = await stand.bulkhead(['usage', 'meter']);
          assert.match(stdout, /unknown: one answer did not say how many tokens; at most \d+/);
          assert.match(stdout, /unknown: the price of other/);
        });

        await t.test('a cap in tokens refuses the next, tells it once and asks; yes is as much again', async () => {
          const ask = post(stand, origin, 'asker');
          const body = { model: 'known-a' };
          assert.equal((await ask('/v1/messages', body)).status, 200);
          assert.equal((await ask('/v1/messages', body)).status, 200); // 214 of 200: what is under way is let end
          origin.seen.length = 0;
          const refused = await ask('/v1/messages', body);
          assert.equal(refused.status, 402);
          const { denied, rule, ask: told } = JSON.parse(refused.body) as Record<string, string>;
          assert.equal(denied, `api.test:${origin.port}`);
          assert.match(
            rule ?? '',
            /^its budget of 200 tokens for \d{4}-\d\d-\d\d is used up \(214 tokens\); waiting for approval 1$/,
          );
          assert.match(
            refused.body,
            /"type":"error","error":\{"type":"billing_error","message":"Refused by Bulkhead: its budget/,
          );
          assert.match(told ?? '', /^question 1 waits for your operator until .*; try again once it is approved$/);
          assert.equal(origin.seen.length, 0, 'nothing went out');
          const { approvals } = JSON.parse((await stand.bulkhead(['approvals', '--json'])).stdout) as ApprovalsDocument;
          assert.deepEqual(
            approvals.map(({ id, kind, agent, shown }) => [id, kind, agent, shown.replace(/\d{4}-\d\d-\d\d/, 'TODAY')]),
            [[1, 'budget', 'asker', 'up to 400 tokens on TODAY']],
          );
          assert.match((await stand.bulkhead(['status'])).stdout, /asker +budget +214 tokens of 200 tokens today/);
        });

        await t.test('that holds when the gateway is killed, and so does the yes', async () => {
          const ask = post(stand, origin, 'asker');
          await killGateway();
          assert.equal((await ask('/v1/messages', { model: 'known-a' })).status, 402);
          const approved = await stand.bulkhead(['approve', '1']);
          assert.match(approved.stdout, /1 approved for the rest of that day/, approved.stderr);
          assert.equal((await ask('/v1/messages', { model: 'known-a', n: 1 })).status, 200);
          await killGateway();
          assert.equal((await ask('/v1/messages', { model: 'known-a', n: 2 })).status, 200);
          assert.deepEqual((await usage(stand, 'asker')).caps, [{ cap: 'tokens', used: 428, limit: 400, more: 200 }]);
          assert.match((await ask('/v1/messages', { model: 'known-a' })).body, /waiting for approval 2/);
          assert.equal((await stand.bulkhead(['revoke', '1'])).status, 0);
          const reached = async (): Promise<number> => {
            const { stdout } = await stand.bulkhead(['ledger', 'tail', '--json', '--event', 'budget.reached']);
            const { entries } = JSON.parse(stdout) as { entries: { agent?: string }[] };
            return entries.filter(({ agent }) => agent === 'asker').length;
          };
          for (const late = Date.now() + 30_000; (await reached()) < 2; await sleep(100))
            assert.ok(Date.now() < late, 'it is not on record that it was used up'); // no refusal waits for that
          assert.equal(await reached(), 2, 'once for each time that it was used up');
        });

        await t.test('a cap in money refuses the next, and a model without a price at once', async () => {
          const ask = post(stand, origin, 'poor');
          origin.seen.length = 0;
          const unknown = await ask('/v1/messages', { model: 'nobody-knows' });
          assert.equal(unknown.status, 402);
          assert.match(unknown.body, /the price of the model nobody-knows is not known.*prices: \{ \\"nobody-knows\\"/);
          assert.match((await ask('/v1/messages', { messages: [] })).body, /does not name its model/);
          for (let i = 0; i < 7; i++) assert.equal((await ask('/v1/messages', { model: 'known-a', i })).status, 200);
          const refused = await ask('/v1/messages', { model: 'known-a' });
          assert.equal(refused.status, 402);
          assert.match(refused.body, /its budget of \$0\.01 for \S+ is used up \(\$0\.01\)/);
          assert.equal((await ask('/elsewhere', { model: 'x' })).status, 402, 'an answer there may cost as much');
        });

        await t.test('the same request again and again is a loop; another one goes on', async () => {
          const ask = post(stand, origin, 'loop');
          const same = { model: 'known-a', messages: ['again'] };
          const before = complete;
          for (let i = 0; i < 3; i++) assert.equal((await ask('/v1/messages', same)).status, 200);
          const refused = await ask('/v1/messages', same);
          assert.equal(refused.status, 402);
          assert.match(refused.body, /the same request came more than 3 times in 300 s, which looks like a loop/);
          assert.equal((await ask('/v1/messages', { ...same, messages: ['other'] })).status, 200);
          assert.match((await stand.bulkhead(['status'])).stdout, /loop +budget +one request is refused as a loop/);
          assert.equal((await usage(stand, 'loop')).answers, 4);
          assert.equal(complete - before, 4, 'the origin never had the whole of the refused one');
        });

        await t.test('runs are counted before they begin', async () => {
          assert.equal((await usage(stand, 'poor')).runs, 11);
          assert.equal((await stand.run('poor', ['true'])).status, 0);
          const over = await stand.run('poor', ['true']);
          assert.equal(over.status, 125);
          assert.match(over.stderr, /its budget of 12 runs for \S+ is used up \(12 runs\)/);
          assert.equal((await usage(stand, 'poor')).runs, 12);
        });

        await t.test('requests too, also those without a body', async () => {
          assert.equal((await usage(stand, 'loop')).requests, 5, 'the refused one was one');
          const line = `for i in 1 2 3 4; do curl -sS -m 20 -o /dev/null -w '%{http_code} ' https://api.test:${origin.port}/$i; done`;
          assert.equal((await stand.run('loop', ['sh', '-c', line])).stdout.trim(), '200 200 200 403');
          assert.deepEqual((await usage(stand, 'loop')).caps, [{ cap: 'requests', used: 8, limit: 8, more: 0 }]);
        });
      } finally {
        origin.stop();
      }
    },
    { up: false },
  );
});
