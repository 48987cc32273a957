import type { Entry } from './table.ts';

/** Commands about what agents use and do not hold. */
export const SECRETS: readonly Entry[] = [
  {
    name: 'secrets set',
    group: 'secrets',
    operands: '<name>',
    summary: 'keep a secret: typed unseen, or from a pipe',
    examples: ['bulkhead secrets set anthropic-coder', 'gh auth token | bulkhead secrets set github-coder'],
    load: () => import('./commands/secrets-set.ts'),
  },
  {
    name: 'secrets rotate',
    group: 'secrets',
    operands: '<name>',
    options: [
      { flags: '--by-hand', summary: 'type or pipe the value, although a command is configured that mints one' },
    ],
    summary: 'a new value, in force at once; what used the old one is ended',
    examples: [
      'bulkhead secrets rotate anthropic-coder',
      'bulkhead secrets rotate anthropic-coder --by-hand < new-key',
    ],
    load: () => import('./commands/secrets-rotate.ts'),
  },
  {
    name: 'secrets test',
    group: 'secrets',
    operands: '<name>',
    summary: 'whether the value is accepted, and the one before refused',
    examples: ['bulkhead secrets test github-coder'],
    load: () => import('./commands/secrets-test.ts'),
  },
  {
    name: 'secrets import',
    group: 'secrets',
    operands: '[file]',
    options: [{ flags: '--replace', summary: 'also those that are set already, with the values from the file' }],
    summary: 'keep what looks like a secret in a .env file (./.env)',
    examples: ['bulkhead secrets import', 'bulkhead secrets import ~/project/.env --replace'],
    load: () => import('./commands/secrets-import.ts'),
  },
  {
    name: 'secrets list',
    group: 'secrets',
    summary: 'names, ages, and which agents use them; never a value',
    examples: ['bulkhead secrets list', 'bulkhead secrets list --json'],
    load: () => import('./commands/secrets-list.ts'),
  },
  {
    name: 'secrets login',
    group: 'secrets',
    operands: '<harness>',
    options: [
      {
        flags: '--from <file>',
        summary: 'where the harness keeps the sign-in, or - for stdin (its usual place in your home)',
      },
      { flags: '--as <name>', summary: 'the name of the secret (that of the harness)' },
    ],
    summary: 'take over a sign-in to a subscription: claude-code or codex',
    examples: [
      'bulkhead secrets login claude-code',
      'bulkhead secrets login codex --from ~/elsewhere/auth.json --as codex-coder',
    ],
    load: () => import('./commands/secrets-login.ts'),
  },
  {
    name: 'secrets identity',
    group: 'secrets',
    summary: 'where the key is that opens them, and how a TPM may hold it',
    examples: ['bulkhead secrets identity'],
    load: () => import('./commands/secrets-identity.ts'),
  },
  {
    name: 'secrets revoke',
    group: 'secrets',
    operands: '<name>',
    summary: 'forget a secret, and end what has used it',
    examples: ['bulkhead secrets revoke github-coder'],
    load: () => import('./commands/secrets-revoke.ts'),
  },
  {
    name: 'secrets ssh',
    group: 'secrets',
    operands: '[agent] [host]',
    options: [{ flags: '--renew', summary: 'first make another key in its place; the one before is gone for good' }],
    summary: 'the public lines to register where agents log in with SSH',
    examples: ['bulkhead secrets ssh', 'bulkhead secrets ssh coder github.com --renew'],
    load: () => import('./commands/secrets-ssh.ts'),
  },
];
