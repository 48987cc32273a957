import { z } from 'zod';
import type { SecretInFile, SshInFile } from './file.ts';
import * as leaf from './leaves.ts';

/** What may stand in `secrets:` and `ssh:` of an agent. */

const secretTest =
  'One request that shows whether a value is accepted, "GET https://HOST/PATH", to where the secret goes.';
const rotate = z
  .union([
    leaf.duration,
    z.strictObject({
      every: leaf.duration.optional().describe('How old a value may get, such as 90d; then it is overdue.'),
      command: leaf
        .filled(leaf.word)
        .optional()
        .describe('Mints a new value and prints it: run by bulkhead secrets rotate, as you, in a clean environment.'),
      test: z
        .union([
          z.string(),
          z.strictObject({
            request: z.string().describe(secretTest),
            in: z.string().optional().describe('Where the value stands in it. Default as for the secret.'),
          }),
        ])
        .optional()
        .describe(secretTest),
    }),
  ])
  .describe('When a new value is due, where it comes from, and how the two are tried. 90d alone is { every: 90d }.');

export const secret: z.ZodType<string | SecretInFile> = z
  .union([
    leaf.label,
    z.strictObject({
      secret: leaf.label.describe('Its name: bulkhead secrets set NAME.'),
      to: leaf.host.optional().describe('The one host it goes to, HOST or HOST:PORT; egress must grant it.'),
      in: z
        .union([z.string(), leaf.filled(z.string())])
        .optional()
        .describe(
          'Where in a request: bearer, basic, "header NAME", "query NAME", "json FIELD.FIELD", path or "path WORD". Default bearer, or what the service is known to want.',
        ),
      methods: leaf.filled(leaf.method).optional().describe('Only in requests with these methods. Default all.'),
      path: z
        .union([leaf.urlPath, leaf.filled(leaf.urlPath)])
        .optional()
        .describe('Only in requests to these paths: /v1/messages, /repos/me/* or /v1/**. Default all.'),
      shared: z
        .boolean()
        .optional()
        .describe('true: other agents may have the same value, and that is no finding. Default false.'),
      rotate: rotate.optional(),
      as: z
        .string()
        .optional()
        .describe('What the variable holds, with {} for the placeholder: "https://hooks.example/{}". Default {}.'),
      file: z
        .strictObject({
          path: z.string().describe('A file in its home: ~/.netrc.'),
          text: z.string().describe('All that stands in it, with {} for the placeholder.'),
        })
        .optional()
        .describe('A file that holds the placeholder too; mode 0600, written anew at each start.'),
    }),
  ])
  .describe(
    'The name of a secret, and where it goes. Without `to` that is known for ANTHROPIC_API_KEY, OPENAI_API_KEY, GITHUB_TOKEN.',
  );

export const ssh: z.ZodType<SshInFile> = z
  .strictObject({
    host: leaf.host.describe('The one host that the key is for; egress must grant it on this port.'),
    port: leaf.port.optional().describe('Default 22.'),
    user: z.string().optional().describe('The user to log in as. Default git.'),
    'host-key': z
      .union([z.string(), leaf.filled(z.string())])
      .optional()
      .describe('The server’s key, "ssh-ed25519 AAAA...", or several. Left out only where it is known: github.com.'),
  })
  .describe('A destination of SSH, with a key of its own.');
