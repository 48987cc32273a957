import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelApiOf, refusalBody } from '../../src/policy/refusal-body.ts';

const SAID = { denied: 'model.test:443', rule: 'its budget is used up', ask: 'ask your operator' };

test('an API is known by the path of its calls anywhere, and at its service by the host', () => {
  for (const [host, target, api] of [
    ['proxy.test', '/v1/messages?beta=true', 'anthropic'],
    ['proxy.test', '/v1/messages/count_tokens', 'anthropic'],
    ['api.anthropic.com', '/v1/models', 'anthropic'],
    ['proxy.test', '/openai/v1/chat/completions', 'openai'],
    ['proxy.test', '/v1/responses/', 'openai'],
    ['chatgpt.com', '/backend-api/codex/x', 'openai'],
    ['proxy.test', '/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse', 'gemini'],
    ['generativelanguage.googleapis.com', '/v1beta/files', 'gemini'],
    ['storage.googleapis.com', '/bucket/x', undefined],
    ['proxy.test', '/v1/messages-of-others', undefined],
    ['proxy.test', '/x?path=/v1/messages', undefined],
    ['proxy.test', '', undefined],
  ] as const)
    assert.equal(modelApiOf(host, target), api, host + target);
});

test('each API’s client finds the sentence where its errors have theirs; what others read of a refusal stays', () => {
  const message = 'Refused by Bulkhead: its budget is used up; ask your operator';
  assert.deepEqual(refusalBody(SAID, 402, undefined), SAID);
  assert.deepEqual(refusalBody(SAID, 402, 'anthropic'), {
    ...SAID,
    type: 'error',
    error: { type: 'billing_error', message },
  });
  assert.deepEqual(refusalBody(SAID, 403, 'openai'), {
    ...SAID,
    error: { message, type: 'permission_denied', param: null, code: 'permission_denied' },
  });
  assert.deepEqual(refusalBody({ ...SAID, ask: null }, 502, 'gemini'), {
    ...{ ...SAID, ask: null },
    error: { code: 502, message: 'Refused by Bulkhead: its budget is used up', status: 'UNAVAILABLE' },
  });
});
