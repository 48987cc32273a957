import { NTP_PORT } from '../model/bounds.ts';
import type { EgressRule } from '../model/fleet.ts';
import { DEBIAN_HOST, DEBIAN_SECURITY_HOST, NPM_HOST } from './package-hosts.ts';

/** What the clients of well-known services need to reach, and no more; by the name that stands in `egress`. Paths are those of the services'
 *  own documentation. */
export const EGRESS_PRESETS: Readonly<Record<string, readonly EgressRule[]>> = {
  // Messages, and what models there are. Claude Code's telemetry goes to /api/event_logging of the same host, and not through.
  anthropic: [
    {
      ...{ host: 'api.anthropic.com', port: 443, methods: ['GET', 'HEAD', 'POST'] },
      paths: ['/v1/messages', '/v1/messages/**', '/v1/models', '/v1/models/*'],
    },
  ],
  // Not files, fine-tuning, or the administration of the organisation.
  openai: [
    {
      ...{ host: 'api.openai.com', port: 443, methods: ['GET', 'POST'] },
      paths: [
        ...['/v1/responses', '/v1/responses/**', '/v1/chat/completions', '/v1/completions', '/v1/embeddings'],
        ...['/v1/models', '/v1/models/*'],
      ],
    },
  ],
  // A ChatGPT subscription: model calls, whose account it is, and a refresh of the sign-in. Not its conversations, connectors and plugins; Codex's
  // telemetry goes to /backend-api/codex/analytics-events of the same host, and not through.
  codex: [
    {
      ...{ host: 'chatgpt.com', port: 443, methods: ['GET', 'POST'] },
      paths: [
        ...['/backend-api/codex/responses', '/backend-api/codex/responses/**', '/backend-api/codex/models'],
        ...['/backend-api/wham/accounts/check', '/backend-api/wham/settings/user'],
      ],
    },
    { host: 'auth.openai.com', port: 443, methods: ['POST'], paths: ['/oauth/token'] },
  ],
  gemini: [
    {
      ...{ host: 'generativelanguage.googleapis.com', port: 443, methods: ['GET', 'POST'] },
      paths: ['/v1/models', '/v1/models/*', '/v1beta/models', '/v1beta/models/*', '/v1beta/openai/**'],
    },
  ],
  // API and git, all of it; for single repositories there is { git: github.com, pull: [...], push: [...] }.
  github: [
    ...['github.com', 'api.github.com', 'uploads.github.com', 'codeload.github.com', '*.githubusercontent.com'].map(
      (host) => ({ host, port: 443 }),
    ),
  ],
  // Reading, and the audit of what was read; nothing is published.
  npm: [
    { host: NPM_HOST, port: 443, methods: ['GET', 'HEAD'] },
    { host: NPM_HOST, port: 443, methods: ['POST'], paths: ['/-/npm/v1/security/**'] },
  ],
  pypi: [
    { host: 'pypi.org', port: 443, methods: ['GET', 'HEAD'], paths: ['/simple/**', '/pypi/**'] },
    { host: 'files.pythonhosted.org', port: 443, methods: ['GET', 'HEAD'] },
  ],
  // apt checks signatures itself, and asks without TLS.
  debian: [
    ...[80, 443].flatMap((port) => [
      { host: DEBIAN_HOST, port, methods: ['GET', 'HEAD'], paths: ['/debian/**', '/debian-security/**'] },
      { host: DEBIAN_SECURITY_HOST, port, methods: ['GET', 'HEAD'], paths: ['/debian-security/**'] },
    ]),
  ],
  telegram: [{ host: 'api.telegram.org', port: 443, methods: ['GET', 'POST'], paths: ['/bot*/*', '/file/bot*/**'] }],
  'slack-webhooks': [{ host: 'hooks.slack.com', port: 443, methods: ['POST'], paths: ['/services/**'] }],
  // `signal-cli daemon --http` on this machine.
  'signal-cli': [
    {
      ...{ host: 'signal-cli.internal', port: 8080, address: '127.0.0.1', methods: ['GET', 'POST'] },
      paths: ['/api/v1/rpc', '/api/v1/events', '/api/v1/check'],
    },
  ],
  // Models and data sets, to be read.
  huggingface: [
    { host: 'huggingface.co', port: 443, methods: ['GET', 'HEAD'] },
    { host: '*.hf.co', port: 443, methods: ['GET', 'HEAD'] },
  ],
  // Whether certificates were revoked (RFC 6960, appendix A).
  'apple-ocsp': [
    ...['ocsp.apple.com', 'ocsp2.apple.com'].flatMap((host) =>
      [80, 443].flatMap((port) => [
        { host, port, methods: ['GET'] },
        { host, port, methods: ['POST'], types: ['application/ocsp-request'] },
      ]),
    ),
  ],
  'apple-time': [{ host: 'time.apple.com', port: NTP_PORT, protocol: 'ntp' }],
};

/** git over HTTP (gitprotocol-http(5)) to single repositories: fetching from those that may be pulled, and pushing to those that may be
 *  pushed to, which may be fetched from too. Patterns of `OWNER/NAME`.
 *  @param where  host, port, and address if it is pinned */
export function gitRules(where: EgressRule, pull: readonly string[], push: readonly string[]): EgressRule[] {
  return [
    ...service(where, 'git-upload-pack', [...new Set([...push, ...pull])]),
    ...service(where, 'git-receive-pack', push),
  ];
}

function service(where: EgressRule, name: string, repositories: readonly string[]): EgressRule[] {
  if (repositories.length === 0) return [];
  const paths = (end: string): string[] =>
    repositories.flatMap((one) => {
      const plain = one.replace(/\.git$/, '');
      return [`/${plain}.git/${end}`, `/${plain}/${end}`];
    });
  return [
    { ...where, methods: ['GET'], paths: paths('info/refs'), query: { service: [name] } },
    { ...where, methods: ['POST'], paths: paths(name), types: [`application/x-${name}-request`] },
  ];
}
