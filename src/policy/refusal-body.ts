import { isModelHost } from './meter/model-calls.ts';

/** What a refusal says. */
export interface Said {
  readonly denied: string;
  readonly rule: string;
  /** What would help; null: nothing that a person could do. */
  readonly ask: string | null;
}

/** The APIs of models, whose clients show an error's text only where theirs would have it. */
export type ModelApi = 'anthropic' | 'openai' | 'gemini';

/** @param target  path and query, as sent. @returns undefined: no model is called there */
export function modelApiOf(host: string, target: string): ModelApi | undefined {
  const path = target.replace(/[?#].*$/s, '').replace(/\/+$/, '');
  if (/\/v1\/messages(?:\/[a-z_]+)*$/.test(path) || host === 'api.anthropic.com') return 'anthropic';
  if (/\/models\/[^/]+:[A-Za-z]+$/.test(path) || (isModelHost(host) && host.endsWith('.googleapis.com')))
    return 'gemini';
  if (/\/(?:completions|responses|embeddings)$/.test(path) || isModelHost(host)) return 'openai';
  return undefined;
}

/** The body of a refusal: `{denied, rule, ask}`, and the same in the form that errors have in the API that was called, so that a harness shows
 *  the sentence and not "no body" or raw JSON (Claude API reference, "Errors"; OpenAI API reference, "Error codes"; google.rpc.Status). */
export function refusalBody(said: Said, status: number, api: ModelApi | undefined): object {
  const message = `Refused by Bulkhead: ${said.rule}${said.ask === null ? '' : `; ${said.ask}`}`;
  switch (api) {
    case undefined:
      return said;
    case 'anthropic':
      return { ...said, type: 'error', error: { type: KINDS[status]?.anthropic ?? 'api_error', message } };
    case 'openai': {
      const type = KINDS[status]?.openai ?? 'server_error';
      return { ...said, error: { message, type, param: null, code: type } };
    }
    case 'gemini':
      return { ...said, error: { code: status, message, status: KINDS[status]?.gemini ?? 'UNAVAILABLE' } };
  }
}

const INVALID = { anthropic: 'invalid_request_error', openai: 'invalid_request_error', gemini: 'INVALID_ARGUMENT' };
const KINDS: Readonly<Record<number, Readonly<Record<ModelApi, string>>>> = {
  400: INVALID,
  402: { anthropic: 'billing_error', openai: 'insufficient_quota', gemini: 'RESOURCE_EXHAUSTED' },
  403: { anthropic: 'permission_error', openai: 'permission_denied', gemini: 'PERMISSION_DENIED' },
  431: INVALID,
};
