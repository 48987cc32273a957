import { createHash } from 'node:crypto';

/** What a secret looks like from outside: enough for a program to accept a value of the same kind, and nothing of the value itself
 *  but what everybody knows of its kind. */
export interface Shape {
  /** What all keys of a service begin with, such as `sk-ant-api03-`. */
  readonly prefix: string;
  /** Characters, the prefix among them. */
  readonly length: number;
  /** What the rest is made of. */
  readonly alphabet: string;
}

const DIGITS = '0123456789';
const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const UPPER = LOWER.toUpperCase();

/** What services let their keys begin with, the longest first. Taken from their own documentation; a prefix that is not here is
 *  made up like the rest, for it may be a part of the secret. */
const PREFIXES: readonly string[] = [
  ...['sk-ant-api03-', 'sk-ant-admin01-', 'sk-ant-oat01-', 'sk-ant-', 'sk-proj-', 'sk-svcacct-', 'sk-or-v1-', 'sk-'],
  ...['github_pat_', 'ghp_', 'gho_', 'ghs_', 'ghu_', 'ghr_', 'glpat-', 'xoxb-', 'xoxp-', 'xapp-', 'AIza', 'hf_'],
  ...['npm_', 'pypi-', 'AKIA', 'sk_live_', 'sk_test_', 'rk_live_', 'rk_test_'],
];

/** Telegram's tokens begin with the number that everybody knows the bot by (Bot API, "Authorizing your bot"). */
const BOT = /^[0-9]{5,12}:(?=[\w-]{30,}$)/;

/** Shorter ones could not be told from ordinary text. */
export const SHORTEST_SECRET = 8;
const LONGEST_SECRET = 4096;

/** Why a text cannot be kept as a secret, as the end of "the value ..."; undefined: it can. What is kept stands in a header line as it
 *  is (RFC 9110, 5.5), so it is printable ASCII without spaces. */
export function whyNoSecret(value: string): string | undefined {
  if (value === '') return 'is empty';
  if (!/^[!-~]*$/.test(value)) return 'holds a space, a line feed or another character that is not printable ASCII';
  if (value.length < SHORTEST_SECRET)
    return `is shorter than ${SHORTEST_SECRET} characters, too short to be recognised`;
  return value.length > LONGEST_SECRET ? `is longer than ${LONGEST_SECRET} characters` : undefined;
}

export function shapeOf(value: string): Shape {
  const known = PREFIXES.find((one) => value.startsWith(one) && value.length - one.length >= SHORTEST_SECRET);
  const prefix = known ?? BOT.exec(value)?.[0] ?? '';
  const rest = value.slice(prefix.length);
  const hex = /^[0-9a-f]+$/.test(rest) ? `${DIGITS}abcdef` : /^[0-9A-F]+$/.test(rest) ? `${DIGITS}ABCDEF` : undefined;
  const classes = [DIGITS, LOWER, UPPER].filter((some) => [...rest].some((c) => some.includes(c))).join('');
  return { prefix, length: value.length, alphabet: hex ?? (classes || DIGITS + LOWER + UPPER) };
}

/** The value that an agent gets instead of a secret: the same for the same key and context, and of no use to anybody.
 *  @param key  known to the gateway alone
 *  @param context  what makes it different: agent, variable, secret */
export function placeholder(key: Buffer, context: readonly string[], { prefix, length, alphabet }: Shape): string {
  let text = prefix;
  for (let block = 0; text.length < length; block++) {
    const hash = createHash('sha256')
      .update(key)
      .update(JSON.stringify([...context, block]))
      .digest();
    // Without bytes that would favour the first letters.
    const fair = 256 - (256 % alphabet.length);
    for (const byte of hash) if (byte < fair && text.length < length) text += alphabet[byte % alphabet.length];
  }
  return text;
}
