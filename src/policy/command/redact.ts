import { SHAPES, TELLING_NAME } from '../secret-shapes.ts';

/** What takes the place of a secret. */
const GONE = '[redacted]';

/** An option whose value is a secret by its name: `--password`, `--api-key`, `--auth-token` ... */
const TELLING_OPTION =
  /^--?(?:[a-z0-9]+[-_])*(?:pass(?:word|wd|phrase)?|secret|token|api[-_]?key|access[-_]?key|auth|credentials?|private[-_]?key)$/i;
/** Field names of HTTP that carry a credential. */
const TELLING_HEADER =
  /^((?:proxy-)?authorization|cookie|set-cookie|x-[a-z0-9-]*(?:key|token|secret)[a-z0-9-]*)(\s*:\s*)(.+)$/is;

/** An argv as the ledger and notices get it: what has the shape of a secret, or stands where one stands, is left out. It is a help,
 *  not a wall: a secret of no known shape in an unusual place stays. What a person is asked about is shown in full. */
export function redactArgv(argv: readonly string[]): string[] {
  const words: string[] = [];
  let hide = false;
  for (const word of argv) {
    words.push(hide && !word.startsWith('-') ? GONE : redactWord(word));
    hide = TELLING_OPTION.test(word);
  }
  return words;
}

export function redactWord(word: string): string {
  const header = TELLING_HEADER.exec(word);
  if (header) return `${header[1]}${header[2]}${GONE}`;
  const at = word.indexOf('=');
  if (at > 0) {
    const name = word.slice(0, at);
    if (TELLING_OPTION.test(name) || TELLING_NAME.test(name)) return `${name}=${GONE}`;
  }
  return redactText(word);
}

/** Only the shapes of known kinds of keys, anywhere in a text. */
export function redactText(text: string): string {
  return SHAPES.reduce(
    (rest, [, shape]) => rest.replace(new RegExp(shape.source, `${shape.flags.replace('g', '')}g`), GONE),
    text,
  );
}
