/** What a key looks like. Secrets never stand in a fleet.yaml: it is shown, shared, committed. A false alarm costs a line; the
 *  list need not be complete, and nothing else relies on it. */
export const SHAPES: readonly (readonly [what: string, shape: RegExp])[] = [
  ['a private key', /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY/],
  ['an age key', /\bAGE-SECRET-KEY-1[0-9A-Z]{20,}/],
  ['an API key', /\bsk-[A-Za-z0-9_-]{20,}/],
  ['a payment key', /\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}/],
  ['a GitHub token', /\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}/],
  ['a GitLab token', /\bglpat-[A-Za-z0-9_-]{16,}/],
  ['an AWS key', /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/],
  ['a Slack token', /\bxox[abeoprs]-[A-Za-z0-9-]{10,}/],
  ['a Google key', /\bAIza[0-9A-Za-z_-]{35}|\bya29\.[0-9A-Za-z_-]{20,}/],
  ['a registry token', /\bnpm_[A-Za-z0-9]{30,}|\bpypi-[A-Za-z0-9_-]{30,}/],
  ['a Hugging Face token', /\bhf_[A-Za-z0-9]{20,}/],
  ['a Telegram token', /\b[0-9]{8,10}:[A-Za-z0-9_-]{35}\b/],
  ['a signed token', /\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/],
  ['a password in a URL', /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@"']{0,80}:[^\s/@"']{1,120}@/],
];

/** The first thing in a text that has the shape of a known kind of key. */
export function keyIn(text: string): { readonly what: string; readonly index: number } | undefined {
  const found = SHAPES.map(([what, shape]) => ({ what, index: text.search(shape) })).filter(({ index }) => index >= 0);
  return found.sort((a, b) => a.index - b.index)[0];
}

export const TELLING_NAME: RegExp =
  /(?:^|_)(?:API_?KEY|ACCESS_?KEY|SECRET_?KEY|PRIVATE_?KEY|AUTH_?KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?)$/i;

/** Why a variable looks like a secret, as the end of "NAME ..."; undefined: it does not. */
export function secretLike(name: string, value: string): string | undefined {
  const known = keyIn(value);
  if (known !== undefined) return `holds ${known.what}`;
  if (value !== '' && TELLING_NAME.test(name)) return 'is the name of a secret';
  return isRandom(value) ? 'looks like a key' : undefined;
}

/** Long words of letters and digits without pattern: Shannon entropy over 3.7 bits a character for mixed ones (English is
 *  about 4.1 over 26 letters, but has no digits in the middle), over 3 for hexadecimal ones. */
function isRandom(value: string): boolean {
  if (value.length < 32 || !/^[A-Za-z0-9+/_=-]+$/.test(value) || value.startsWith('/')) return false;
  const hex = /^[0-9a-fA-F]+$/.test(value);
  const mixed = /[0-9]/.test(value) && /[A-Za-z]/.test(value);
  return (
    mixed && entropy(value) > (hex ? 3 : 3.7) && (hex || (value.match(/[0-9][A-Za-z]|[A-Za-z][0-9]/g) ?? []).length > 3)
  );
}

function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const c of text) counts.set(c, (counts.get(c) ?? 0) + 1);
  return [...counts.values()].reduce((sum, n) => sum - (n / text.length) * Math.log2(n / text.length), 0);
}
