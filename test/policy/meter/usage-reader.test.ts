import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_TOKENS } from '../../../src/policy/meter/tokens.ts';
import { type Usage, UsageReader } from '../../../src/policy/meter/usage-reader.ts';
import { random } from './random.ts';

function read(text: string | Buffer, cuts: readonly number[] = [], whole = true): Usage {
  const reader = new UsageReader();
  const bytes = Buffer.from(text);
  for (const [i, to] of [...cuts, bytes.length].entries()) reader.push(bytes.subarray(cuts[i - 1] ?? 0, to));
  return reader.end(whole);
}
const events = (...all: (object | string)[]): string =>
  all.map((one) => `data: ${typeof one === 'string' ? one : JSON.stringify(one)}\n\n`).join('');

/** Answers as the services' own documentation shows them (see src/policy/meter/usage-reader.ts), and what they say. */
const ANSWERS: Readonly<Record<string, { readonly text: string; readonly usage: Usage }>> = {
  'anthropic, Messages, JSON': {
    text: JSON.stringify({
      id: 'msg_013Zva2CMHLNnXjNJJKqJ2EF',
      type: 'message',
      role: 'assistant',
      model: 'claude-sonnet-4-5-20250929',
      content: [{ type: 'text', text: 'Hi! My name is Claude. "usage":{"input_tokens":1}' }],
      stop_reason: 'end_turn',
      usage: {
        input_tokens: 2095,
        cache_creation_input_tokens: 456,
        cache_read_input_tokens: 2051,
        cache_creation: { ephemeral_5m_input_tokens: 356, ephemeral_1h_input_tokens: 100 },
        output_tokens: 503,
        server_tool_use: { web_search_requests: 0 },
        service_tier: 'standard',
      },
    }),
    usage: {
      model: 'claude-sonnet-4-5-20250929',
      tokens: { input: 2095, output: 503, cacheWrite: 356, cacheWriteHour: 100, cacheRead: 2051 },
      final: true,
    },
  },
  'anthropic, Streaming messages, as documented': {
    text: `event: message_start
data: {"type": "message_start", "message": {"id": "msg_1nZdL29xx5MUA1yADyHTEsnR8uuvGzszyY", "type": "message", "role": "assistant", "content": [], "model": "claude-opus-4-6", "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 25, "output_tokens": 1}}}

event: content_block_start
data: {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}

event: content_block_stop
data: {"type": "content_block_stop", "index": 0}

event: message_delta
data: {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence":null}, "usage": {"output_tokens": 15}}

event: message_stop
data: {"type": "message_stop"}

`,
    usage: { model: 'claude-opus-4-6', tokens: { ...NO_TOKENS, input: 25, output: 15 }, final: true },
  },
  'openai, The chat completion object': {
    text: JSON.stringify({
      id: 'chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG',
      object: 'chat.completion',
      model: 'gpt-4o-2024-08-06',
      choices: [{ index: 0, message: { role: 'assistant', content: 'The image ...' }, finish_reason: 'stop' }],
      usage: {
        prompt_tokens: 1117,
        completion_tokens: 46,
        total_tokens: 1163,
        prompt_tokens_details: { cached_tokens: 17, audio_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
      },
    }),
    usage: {
      model: 'gpt-4o-2024-08-06',
      tokens: { ...NO_TOKENS, input: 1100, output: 46, cacheRead: 17 },
      final: true,
    },
  },
  'openai, chat completion chunks with include_usage': {
    text: events(
      {
        object: 'chat.completion.chunk',
        model: 'gpt-4o-mini',
        choices: [{ delta: { content: 'Hello' } }],
        usage: null,
      },
      {
        object: 'chat.completion.chunk',
        model: 'gpt-4o-mini',
        choices: [{ delta: {}, finish_reason: 'stop' }],
        usage: null,
      },
      {
        object: 'chat.completion.chunk',
        model: 'gpt-4o-mini',
        choices: [],
        usage: { prompt_tokens: 9, completion_tokens: 10, total_tokens: 19 },
      },
      '[DONE]',
    ),
    usage: { model: 'gpt-4o-mini', tokens: { ...NO_TOKENS, input: 9, output: 10 }, final: true },
  },
  'openai, chat completion chunks without: nothing is said': {
    text: events(
      { object: 'chat.completion.chunk', model: 'gpt-4o-mini', choices: [{ delta: { content: 'Hello' } }] },
      '[DONE]',
    ),
    usage: { model: 'gpt-4o-mini', final: false },
  },
  'openai, The response object': {
    text: JSON.stringify({
      id: 'resp_67ccd3a9da748190baa7f1570fe91ac604becb25c45c1d41',
      object: 'response',
      status: 'completed',
      model: 'gpt-4o-2024-08-06',
      output: [{ type: 'message', content: [{ type: 'output_text', text: '...' }] }],
      usage: {
        input_tokens: 328,
        input_tokens_details: { cached_tokens: 28 },
        output_tokens: 52,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: 380,
      },
    }),
    usage: { model: 'gpt-4o-2024-08-06', tokens: { ...NO_TOKENS, input: 300, output: 52, cacheRead: 28 }, final: true },
  },
  'openai, response.completed': {
    text: `event: response.created\n${events({ type: 'response.created', response: { model: 'gpt-5-codex', usage: null } })}event: response.output_text.delta\n${events({ type: 'response.output_text.delta', delta: 'Hi' })}event: response.completed\n${events({ type: 'response.completed', response: { model: 'gpt-5-codex', usage: { input_tokens: 37, input_tokens_details: { cached_tokens: 0 }, output_tokens: 11, total_tokens: 48 } } })}`,
    usage: { model: 'gpt-5-codex', tokens: { ...NO_TOKENS, input: 37, output: 11 }, final: true },
  },
  'gemini, generateContent': {
    text: JSON.stringify({
      candidates: [{ content: { parts: [{ text: 'AI ...' }], role: 'model' }, finishReason: 'STOP' }],
      usageMetadata: {
        promptTokenCount: 11500,
        candidatesTokenCount: 1000,
        totalTokenCount: 22500,
        cachedContentTokenCount: 10000,
        thoughtsTokenCount: 10000,
        promptTokensDetails: [{ modality: 'TEXT', tokenCount: 11500 }],
      },
      modelVersion: 'gemini-2.5-pro',
    }),
    usage: {
      model: 'gemini-2.5-pro',
      tokens: { ...NO_TOKENS, input: 1500, output: 11000, cacheRead: 10000 },
      final: true,
    },
  },
  'gemini, streamGenerateContent, an array': {
    text: `[{"candidates": [{"content": {"parts": [{"text": "A"}]}}],\n  "usageMetadata": {"promptTokenCount": 8, "totalTokenCount": 8},\n  "modelVersion": "gemini-2.5-flash"}\n,\r\n{"candidates": [{"content": {"parts": [{"text": "B"}]}, "finishReason": "STOP"}],\n  "usageMetadata": {"promptTokenCount": 8, "candidatesTokenCount": 40, "totalTokenCount": 48},\n  "modelVersion": "gemini-2.5-flash"}\n]`,
    usage: { model: 'gemini-2.5-flash', tokens: { ...NO_TOKENS, input: 8, output: 40 }, final: true },
  },
  'gemini, streamGenerateContent, events': {
    text: events(
      { candidates: [{}], usageMetadata: { promptTokenCount: 8 }, modelVersion: 'gemini-2.5-flash' },
      {
        candidates: [{}],
        usageMetadata: { promptTokenCount: 8, candidatesTokenCount: 40 },
        modelVersion: 'gemini-2.5-flash',
      },
    ).replaceAll('\n', '\r\n'),
    usage: { model: 'gemini-2.5-flash', tokens: { ...NO_TOKENS, input: 8, output: 40 }, final: true },
  },
};

for (const [name, { text, usage }] of Object.entries(ANSWERS))
  test(`${name}: read as it says, cut at every byte too`, () => {
    assert.deepEqual(read(text), usage);
    const { length } = Buffer.from(text);
    for (let at = 0; at <= length; at++) assert.deepEqual(read(text, [at]), usage, `cut at ${at}`);
    assert.deepEqual(
      read(
        text,
        Array.from({ length }, (_, i) => i),
      ),
      usage,
      'byte by byte',
    );
    assert.deepEqual(read(`\ufeff \n${text}`), usage, 'behind a byte order mark');
  });

test('cut in many places, in any order of sizes, it is the same (seeded)', (t) => {
  const { seed, below, pick } = random();
  t.diagnostic(`seed ${seed}`);
  const all = Object.values(ANSWERS);
  for (let round = 0; round < 3000; round++) {
    const { text, usage } = pick(all);
    const { length } = Buffer.from(text);
    const cuts = Array.from({ length: below(20) }, () => below(length + 1)).sort((a, b) => a - b);
    assert.deepEqual(read(text, cuts), usage);
  }
});

test('an answer that was cut off is not the last word, and what it said so far is kept', () => {
  const { text } = ANSWERS['anthropic, Streaming messages, as documented'] as { text: string };
  const part = read(text.slice(0, text.indexOf('event: message_delta')));
  assert.deepEqual(part, { model: 'claude-opus-4-6', tokens: { ...NO_TOKENS, input: 25, output: 1 }, final: false });
  assert.equal(read(text, [], false).final, false);
  for (const { text } of Object.values(ANSWERS).filter(({ text }) => text.startsWith('{')))
    assert.equal(read(text.slice(0, -1)).final, false);
});

test('any bytes at all are borne with, changed bytes never give other than whole numbers, and memory stays small (seeded)', (t) => {
  const { seed, below, pick } = random();
  t.diagnostic(`seed ${seed}`);
  const all = Object.values(ANSWERS);
  for (let round = 0; round < 4000; round++) {
    const bytes = Buffer.from(pick(all).text);
    for (let i = below(6); i >= 0; i--) bytes[below(bytes.length)] = below(256);
    const cuts = Array.from({ length: below(4) }, () => below(bytes.length + 1)).sort((a, b) => a - b);
    const usage = read(bytes, cuts);
    assert.deepEqual(read(bytes), usage);
    for (const count of Object.values(usage.tokens ?? {})) assert.ok(Number.isSafeInteger(count) && count >= 0);
  }
  const reader = new UsageReader();
  reader.push(Buffer.from('{"content":"'));
  const before = process.memoryUsage().rss;
  const chunk = Buffer.alloc(1024 * 1024, 'x');
  for (let i = 0; i < 64; i++) reader.push(chunk);
  reader.push(Buffer.from('","usage":{"input_tokens":3,"output_tokens":4}}'));
  assert.deepEqual(reader.end(true), { tokens: { ...NO_TOKENS, input: 3, output: 4 }, final: true });
  assert.ok(process.memoryUsage().rss - before < 48 * 1024 * 1024, '64 MiB of one string were not kept');
});

test('what is out of all bounds is no number of tokens', () => {
  for (const count of ['-1', '1.5', '1e30', '"7"', 'null', '99999999999999'])
    assert.equal(read(`{"usage":{"input_tokens":${count}}}`).tokens, undefined, count);
});
