import { readJson } from '../model/read-json.ts';
import { type Account, accountOf, readCodex, shownToken } from './codex-sign-in.ts';
import { endOf } from './jwt.ts';
import { type Shape, whyNoSecret } from './placeholder.ts';

/** A person's subscription, as a harness signs in to it (OAuth 2.0, RFC 6749): an access token for some hours, and the refresh token that the
 *  next one is had for. */
export interface SignIn {
  readonly harness: HarnessName;
  readonly access: string;
  readonly refresh: string;
  /** When the access token ends; milliseconds since 1970. */
  readonly until: number;
  /** Whose it is, where the harness reads that out of its tokens. */
  readonly account?: Account;
}

export interface Harness {
  /** Where it keeps its sign-in, below the home folder. */
  readonly file: string;
  /** How a second sign-in is made, that is nobody else's. */
  readonly apart: string;
  /** The variable that the agent has its placeholder in; SECRET_PRESETS may know a file too. */
  readonly variable: string;
  /** What the agent's `egress` says for it (EGRESS_PRESETS); where the variable's secret goes is known (SECRET_PRESETS). */
  readonly egress: string;
  /** What a person should know who keeps the sign-in beside us. */
  readonly careful?: string;
  /** Where refresh tokens go (RFC 6749, 6), and as whom: the harness itself. Not documented by its maker; what its program sends. */
  readonly token: { readonly host: string; readonly path: string; readonly client: string };
}

export type HarnessName = 'claude-code' | 'codex';

export const HARNESSES: Readonly<Record<HarnessName, Harness>> = {
  'claude-code': {
    file: '.claude/.credentials.json',
    apart: 'CLAUDE_CONFIG_DIR=DIR claude, then --from DIR/.credentials.json',
    variable: 'CLAUDE_CODE_OAUTH_TOKEN',
    egress: 'anthropic',
    token: {
      host: 'platform.claude.com',
      path: '/v1/oauth/token',
      client: '9d1c250a-e61b-44d9-88ed-5944d1962f5e',
    },
  },
  codex: {
    file: '.codex/auth.json',
    apart: 'CODEX_HOME=DIR codex login, then --from DIR/auth.json',
    variable: 'CODEX_SIGN_IN',
    egress: 'codex',
    careful: 'Not with codex logout: that ends the sign-in at its service, for the gateway too.',
    token: { host: 'auth.openai.com', path: '/oauth/token', client: 'app_EMoamEEZ73f0CkXaXp7hrann' },
  },
};

export function isHarness(name: string): name is HarnessName {
  return Object.hasOwn(HARNESSES, name);
}

/** What a harness keeps. @returns undefined for anything else */
export function readSignIn(harness: HarnessName, text: string): SignIn | undefined {
  if (harness === 'codex') return decodeSignIn({ ...readCodex(record(readJson(text))), harness });
  // Claude Code: `{"claudeAiOauth": {"accessToken", "refreshToken", "expiresAt"}}`
  const { accessToken, refreshToken, expiresAt } = record(record(readJson(text)).claudeAiOauth);
  return decodeSignIn({ harness, access: accessToken, refresh: refreshToken, until: expiresAt });
}

/** One that we wrote. */
export function signInOf(text: string): SignIn | undefined {
  return decodeSignIn(readJson(text));
}

/** Each what it should be; undefined for anything else. */
function decodeSignIn(raw: unknown): SignIn | undefined {
  const { harness, access, refresh, until, account: whose } = record(raw);
  if (typeof harness !== 'string' || !isHarness(harness) || !isToken(access) || !isToken(refresh)) return undefined;
  if (typeof until !== 'number' || !Number.isSafeInteger(until) || until <= 0) return undefined;
  const account = accountOf(whose);
  if (harness === 'codex' && account === undefined) return undefined;
  return { harness, access, refresh, until, ...(account && { account }) };
}

/** What its placeholder looks like, where the shape of the access token does not do. */
export function shapeOfSignIn({ account }: SignIn): Shape | undefined {
  return account && shownToken(account);
}

/** What a token endpoint answers (RFC 6749, 5.1); without another refresh token the one before stays good. The server controls every byte.
 *  @param now  milliseconds */
export function refreshed(before: SignIn, text: string, now: number): SignIn | undefined {
  const { access_token, refresh_token = before.refresh, expires_in } = record(readJson(text));
  const seconds = typeof expires_in === 'number' && expires_in > 0 && expires_in < 1e9 ? expires_in : 3600;
  return decodeSignIn({
    ...before,
    access: access_token,
    refresh: refresh_token,
    until: (typeof access_token === 'string' ? endOf(access_token) : undefined) ?? Math.floor(now + seconds * 1000),
  });
}

function isToken(raw: unknown): raw is string {
  return typeof raw === 'string' && whyNoSecret(raw) === undefined;
}

function record(raw: unknown): Readonly<Record<string, unknown>> {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw) ? (raw as Record<string, unknown>) : {};
}
