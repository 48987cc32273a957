import { z } from 'zod';
import { MOST_ENTRIES, MOST_RULES, PROCESSES } from '../../../model/bounds.ts';
import { MODEL_PATTERN } from '../../../model/budget.ts';
import { ENV_NAME } from '../../../model/env-names.ts';
import { METHOD } from '../../../model/secret-binding.ts';
import type { ArgumentInFile, ArgvRuleInFile, EgressEntry, Word, WordsInFile } from './file.ts';

/** The single values of a fleet.yaml. A message is two lines: the end of the sentence that begins with the value ("is not a
 *  size"), and what to write instead. */

export const label: z.ZodType<string> = z
  .string()
  .max(40, { error: 'is too long for a name\nUse at most 40 characters.' })
  .regex(/^[a-z](?:-?[a-z0-9])*$/, {
    error:
      'is not a name\nUse lower-case letters, digits and single dashes, starting with a letter, at most 40 characters.',
  });

export const word: z.ZodType<Word> = z.union([z.string(), z.number(), z.boolean()], {
  error: 'is not a word\nWrite text; put it in quotes if it has brackets, braces or ": " in it.',
});

const tooMany = { error: `has too many entries\nAt most ${MOST_ENTRIES} are taken.` };

/** A list that means something by being there: never empty. */
export function filled<T>(entry: z.ZodType<T>): z.ZodType<T[]> {
  return z.array(entry).min(1, { error: 'is an empty list\nLeave the key out for none.' }).max(MOST_ENTRIES, tooMany);
}

/** Argv rules may be many: they are looked up by program. */
export function rules<T>(entry: z.ZodType<T>): z.ZodType<T[]> {
  return z.array(entry).max(MOST_RULES, { error: `has too many entries\nAt most ${MOST_RULES} are taken.` });
}

export function list<T>(entry: z.ZodType<T>): z.ZodType<T[]> {
  return z.array(entry).max(MOST_ENTRIES, tooMany);
}

const sizeError = { error: 'is not a size\nWrite a whole number and a unit: 512M, 2G (K, M, G, T count in 1024).' };
export const size: z.ZodType<string | number> = z.union(
  [z.int(sizeError), z.string().regex(/^[1-9][0-9]{0,9}[KMGT]?$/, sizeError)],
  sizeError,
);

const percentError = {
  error: 'is not a share of processors\nWrite per cent of one processor: 50%, 100%, or 200% for two.',
};
export const percent: z.ZodType<string> = z.string(percentError).regex(/^[1-9][0-9]{0,5}%$/, percentError);

const durationError = { error: 'is not a length of time\nWrite a whole number and a unit: 30s, 5m, 12h or 7d.' };
export const duration: z.ZodType<string> = z
  .string(durationError)
  .regex(/^(?:0|[1-9][0-9]{0,5})[smhd]$/, durationError);

function aDay(pattern: RegExp, example: string): z.ZodType<string> {
  const error = { error: `is not an amount for a day\nWrite it as ${example}.` };
  return z.string(error).regex(pattern, error);
}
export const countADay: z.ZodType<string> = aDay(
  /^[1-9][0-9]{0,11}[KMG]?\/day$/,
  '500/day or 2M/day (K, M, G count in 1000)',
);
export const bytesADay: z.ZodType<string> = aDay(
  /^[1-9][0-9]{0,11}[KMGT]?\/day$/,
  '500M/day or 2G/day (K, M, G, T count in 1024)',
);
export const moneyADay: z.ZodType<string> = aDay(
  /^\$(?:0|[1-9][0-9]{0,6})(?:\.[0-9]{1,2})?\/day$/,
  '$5/day or $0.50/day; dollars of the United States',
);

const repeatsError = {
  error: 'is not how often\nWrite how many of the same request in how long: 20/2m; or any, for no limit.',
};
export const repeats: z.ZodType<string> = z
  .string(repeatsError)
  .regex(/^(?:any|[1-9][0-9]{0,5}\/[1-9][0-9]{0,4}[smh])$/, repeatsError);

const modelError = {
  error: 'is not the name of a model\nWrite it as the service does; * stands for any part: "my-model-*".',
};
export const model: z.ZodType<string> = z.string().regex(MODEL_PATTERN, modelError);

const priceError = { error: 'is not a price\nWrite dollars per million tokens: 3, 0.25 or 0.' };
export const price: z.ZodType<number> = z.number(priceError).min(0, priceError).max(100_000, priceError);

const portError = { error: 'is not a port\nWrite a number from 1 to 65535.' };
export const port: z.ZodType<number> = z.int(portError).min(1, portError).max(65535, portError);

export const processes: z.ZodType<number> = z
  .int()
  .min(PROCESSES.least, { error: `is too few processes\nWrite at least ${PROCESSES.least}.` })
  .max(PROCESSES.most, { error: `is too many processes\nWrite at most ${PROCESSES.most}.` });

export const filePath: z.ZodType<string> = z.string().min(1, { error: 'is not a path\nWrite ~/DIR, ./DIR or /DIR.' });

export const urlPath: z.ZodType<string> = z.string().regex(/^\/[!-~]{0,255}$/, {
  error: 'is not a path of a URL\nWrite it beginning with a slash, such as /health.',
});

export const role: z.ZodType<string> = z.string().regex(/^[^\n]{1,200}$/, {
  error: 'is not a role\nWrite one line of at most 200 characters.',
});

export const user: z.ZodType<string> = z.string().regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/, {
  error: 'is not a Unix user\nWrite a login name, as whoami prints it.',
});

/** true and false are programs too, and YAML reads them as booleans. */
export const program: z.ZodType<string | boolean> = z.union([z.string(), z.boolean()], {
  error: 'is not a program\nWrite a name (jq) or an absolute path (/opt/tool/bin/tool).',
});

export const variable: z.ZodType<string> = z.string().regex(ENV_NAME, {
  error: 'is not a name for a variable\nUse letters, digits and underscores, not starting with a digit.',
});

const wordsError = { error: 'is not a rule\nWrite the program and its arguments: "git push **", or a list of words.' };
const words: z.ZodType<WordsInFile> = z.union(
  [z.string(wordsError).min(1, wordsError), z.array(z.string()).min(1)],
  wordsError,
);

export const argvRule: z.ZodType<ArgvRuleInFile> = z.union([
  words,
  z.strictObject({
    rule: words.describe('The program and its arguments. * is any part of a word, ** at the end any number of words.'),
    match: filled(words).optional().describe('Command lines that it must match; tried when the file is read.'),
    'not-match': filled(words).optional().describe('Command lines that it must not match.'),
  }),
]);

const argumentError = {
  error:
    'is not a kind of argument\nWrite a list of words, { from: 1, to: 9 }, { characters: a-z0-9, most: 20 } or { below: /FOLDER }.',
};
export const argument: z.ZodType<ArgumentInFile> = z.union(
  [
    filled(word),
    z.strictObject({ from: z.int().describe('The least whole number.'), to: z.int().describe('The greatest.') }),
    z.strictObject({
      characters: z.string().describe('The characters it may have: letters, digits, ranges such as a-z, and @%+=:,._-'),
      most: z.int().describe('How many at most.'),
    }),
    z.strictObject({ below: z.string().describe('A path below this folder, where only root may lead elsewhere.') }),
  ],
  argumentError,
);

export const commandLine: z.ZodType<WordsInFile> = words;

/** Without scheme, path or user; what exactly is a host is decided in egress.ts. */
export const method: z.ZodType<string> = z.string().regex(METHOD, {
  error: 'is not a method\nWrite it as HTTP does: GET, POST.',
});

export const host: z.ZodType<string> = z.string().regex(/^[^\s/@?#\\]+$/, {
  error:
    'is not a host\nWrite only the host, no scheme and no path: HOST, HOST:PORT or *.HOST, such as "*.example.com:8443".',
});

const pinned = z
  .string()
  .optional()
  .describe('The address that is dialled for this host; the name is then never resolved. For local services.');
const values = z.union([z.string(), filled(z.string())]);

export const egressEntry: z.ZodType<EgressEntry> = z.union([
  host,
  z.strictObject({
    host: host.describe('A host name, *.HOST (any name below it), or an IP address.'),
    port: port.optional().describe('Default 443.'),
    address: pinned,
    methods: filled(method).optional().describe('Only requests with these methods. Default all.'),
    paths: filled(urlPath)
      .optional()
      .describe('Only requests to these paths: /v1/messages, /repos/me/* or /v1/**. Default all.'),
    query: z
      .record(z.string(), values)
      .optional()
      .describe(
        'Only requests with these parameters, each once and with one of its values: { service: git-upload-pack }.',
      ),
    'content-type': values.optional().describe('Only requests whose body is of one of these types, or that have none.'),
    match: filled(z.string())
      .optional()
      .describe(
        'Requests that it must grant, such as "POST /v1/messages application/json"; tried when the file is read.',
      ),
    'not-match': filled(z.string()).optional().describe('Requests that it must not grant.'),
  }),
  z.strictObject({
    git: host.describe('A server that speaks git over HTTPS, such as github.com.'),
    port: port.optional().describe('Default 443.'),
    address: pinned,
    pull: filled(z.string()).optional().describe('Repositories to fetch from: OWNER/NAME, or "OWNER/*".'),
    push: filled(z.string()).optional().describe('Repositories to push to, and to fetch from.'),
  }),
  z.strictObject({
    ntp: host.describe('A server that may be asked for the time (NTP, UDP port 123), such as time.apple.com.'),
    address: pinned,
  }),
]);
