import { claimsOf, endOf, unsigned } from './jwt.ts';
import type { Shape } from './placeholder.ts';

// How Codex keeps a sign-in with ChatGPT, read in its own source (codex-rs/login: auth/storage.rs, token_data.rs, auth/manager.rs).

/** Whose a sign-in is: what Codex reads out of its tokens, and needs. No secret, and nothing that names a person. */
export interface Account {
  /** Goes with each request, in a field of its own. */
  readonly id: string;
  readonly plan?: string;
  readonly fedramp?: true;
}

/** The claim in which the issuer says it. */
const AUTH = 'https://api.openai.com/auth';
/** A token without an end counts for so long since its last refresh: Codex's own measure. */
const LASTS_MS = 8 * 86_400_000;
/** Codex refreshes by itself what has ended: what it holds never ends. 2100. */
const NEVER = 4_102_444_800;
const SIGNATURE = 44;

/** `{"tokens": {"id_token", "access_token", "refresh_token", "account_id"}, "last_refresh"}`.
 *  @returns what is to be decoded as a sign-in */
export function readCodex(file: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { access_token, refresh_token, id_token, account_id } = record(file.tokens);
  const said = accountIn(id_token) ?? accountIn(access_token);
  const id = typeof account_id === 'string' ? account_id : said?.id;
  const until = typeof access_token === 'string' ? endOf(access_token) : undefined;
  return {
    access: access_token,
    refresh: refresh_token,
    until: until ?? Date.parse(String(file.last_refresh)) + LASTS_MS,
    account: { ...said, id },
  };
}

function accountIn(token: unknown): Record<string, unknown> | undefined {
  const claims = typeof token === 'string' ? claimsOf(token) : undefined;
  const { chatgpt_account_id, chatgpt_plan_type, chatgpt_account_is_fedramp } = record(claims?.[AUTH]);
  if (chatgpt_account_id === undefined) return undefined;
  return {
    id: chatgpt_account_id,
    ...(chatgpt_plan_type !== undefined && { plan: chatgpt_plan_type }),
    ...(chatgpt_account_is_fedramp === true && { fedramp: true }),
  };
}

/** @returns undefined for anything else */
export function accountOf(raw: unknown): Account | undefined {
  const { id, plan, fedramp } = record(raw);
  if (!isWord(id)) return undefined;
  return { id, ...(isWord(plan) && { plan }), ...(fedramp === true && { fedramp: true }) };
}

/** A token that Codex reads as it reads a real one: whose it is, an end that does not come, and a placeholder where the signature stands. */
export function shownToken({ id, plan, fedramp }: Account): Shape {
  const auth = {
    chatgpt_account_id: id,
    ...(plan !== undefined && { chatgpt_plan_type: plan }),
    ...(fedramp && { chatgpt_account_is_fedramp: true }),
  };
  const prefix = unsigned({ exp: NEVER, [AUTH]: auth });
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  return { prefix, length: prefix.length + SIGNATURE, alphabet };
}

/** Whose sign-in a placeholder says to be. */
export function shownAccount(token: string): string | undefined {
  return accountOf(accountIn(token))?.id;
}

function isWord(raw: unknown): raw is string {
  return typeof raw === 'string' && /^[\w.-]{1,100}$/.test(raw);
}

function record(raw: unknown): Readonly<Record<string, unknown>> {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw) ? (raw as Record<string, unknown>) : {};
}
