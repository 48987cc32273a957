import type { PlaceholderFile } from '../model/placeholder-text.ts';
import type { SecretPlace } from '../model/secret-binding.ts';
import { NPM_HOST } from './package-hosts.ts';
import { type Shape, shapeOf } from './placeholder.ts';

/** Where the keys of well-known services go, by the variable that their own clients read. */
export interface SecretPreset {
  readonly to: readonly {
    readonly host: string;
    readonly in: readonly SecretPlace[];
    readonly paths?: readonly string[];
  }[];
  /** What the variable holds, if that is more than the placeholder: `{}` stands for that. */
  readonly as?: string;
  /** The file that its client reads instead of the variable, below the home. */
  readonly file?: PlaceholderFile;
  /** What its keys look like; for the time in which none is set. */
  readonly like: string;
}

const anthropic = { host: 'api.anthropic.com', in: ['header x-api-key', 'bearer'] };
const github = [
  { host: 'api.github.com', in: ['bearer'] },
  { host: 'github.com', in: ['basic'] },
];

const gemini = { host: 'generativelanguage.googleapis.com', in: ['header x-goog-api-key', 'query key', 'bearer'] };
const telegram = { host: 'api.telegram.org', in: ['path bot'], paths: ['/bot*/*', '/file/bot*/**'] };
const bot = { to: [telegram], like: `1234567890:${'aA0'.repeat(11)}aA` };

export const SECRET_PRESETS: Readonly<Record<string, SecretPreset>> = {
  ANTHROPIC_API_KEY: { to: [anthropic], like: `sk-ant-api03-${'aA0'.repeat(31)}AA` },
  ANTHROPIC_AUTH_TOKEN: { to: [anthropic], like: `sk-ant-oat01-${'aA0'.repeat(31)}AA` },
  CLAUDE_CODE_OAUTH_TOKEN: { to: [anthropic], like: `sk-ant-oat01-${'aA0'.repeat(31)}AA` },
  // What Codex needs of a whole ChatGPT account.
  CODEX_SIGN_IN: {
    to: [
      {
        host: 'chatgpt.com',
        in: ['bearer'],
        paths: ['/backend-api/codex/**', '/backend-api/wham/accounts/check', '/backend-api/wham/settings/user'],
      },
    ],
    file: {
      path: '.codex/auth.json',
      text: JSON.stringify({
        auth_mode: 'chatgpt',
        OPENAI_API_KEY: null,
        tokens: { id_token: '{}', access_token: '{}', refresh_token: '{}', account_id: '{account}' },
        last_refresh: '2100-01-01T00:00:00Z',
      }),
    },
    like: `eyJ${'aA0'.repeat(100)}`,
  },
  OPENAI_API_KEY: { to: [{ host: 'api.openai.com', in: ['bearer'] }], like: `sk-proj-${'aA0'.repeat(52)}` },
  GITHUB_TOKEN: { to: github, like: `ghp_${'aA0'.repeat(12)}` },
  GH_TOKEN: { to: github, like: `ghp_${'aA0'.repeat(12)}` },
  GEMINI_API_KEY: { to: [gemini], like: `AIza${'aA0'.repeat(11)}aA` },
  GOOGLE_API_KEY: { to: [gemini], like: `AIza${'aA0'.repeat(11)}aA` },
  NPM_TOKEN: { to: [{ host: NPM_HOST, in: ['bearer'] }], like: `npm_${'aA0'.repeat(12)}` },
  HF_TOKEN: { to: [{ host: 'huggingface.co', in: ['bearer'] }], like: `hf_${'aA'.repeat(17)}` },
  TELEGRAM_TOKEN: bot,
  TELEGRAM_BOT_TOKEN: bot,
  // The secret is what follows /services/ in the address that Slack gives out.
  SLACK_WEBHOOK_URL: {
    to: [{ host: 'hooks.slack.com', in: ['path'], paths: ['/services/**'] }],
    as: 'https://hooks.slack.com/services/{}',
    like: 'aA0'.repeat(15),
  },
};

/** What stands under `secrets` of an agent in fleet.yaml for it. */
export function usedAs(variable: string, secret: string): string {
  return presetOf(variable) ? `${variable}: ${secret}` : `${variable}: { secret: ${secret}, to: HOST }`;
}

/** Of what a service gives out, the secret: where its variable holds more around it, that is taken off. */
export function secretPart(variable: string, value: string): string {
  const [before = '', after = ''] = presetOf(variable)?.as?.split('{}') ?? [];
  const around = before !== '' && value.startsWith(before) && value.endsWith(after);
  return around ? value.slice(before.length, value.length - after.length) : value;
}

/** What stands before the secret in a value that is more than that; undefined: nothing that is known. */
export function aroundSecret(value: string): string | undefined {
  const starts = Object.values(SECRET_PRESETS).map(({ as = '' }) => as.split('{}')[0] ?? '');
  return starts.find((one) => one !== '' && value.startsWith(one));
}

function presetOf(variable: string): SecretPreset | undefined {
  return Object.hasOwn(SECRET_PRESETS, variable) ? SECRET_PRESETS[variable] : undefined;
}

const UNKNOWN: Shape = shapeOf('aA0'.repeat(14));

/** What a placeholder looks like while nobody has set the secret. */
export function shapeBefore(variable: string): Shape {
  const preset = presetOf(variable);
  return preset === undefined ? UNKNOWN : shapeOf(preset.like);
}
