/** A pattern for one argument: `*` stands for any bytes, also none; `\*` and `\\` for themselves. */
export type Glob = readonly string[]; // the literal pieces between the stars

export function glob(pattern: string): Glob {
  const pieces = [''];
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern.charAt(i);
    const next = pattern.charAt(i + 1);
    if (c === '\\' && (next === '*' || next === '\\')) {
      pieces[pieces.length - 1] += next;
      i += 1;
    } else if (c === '*') pieces.push('');
    else pieces[pieces.length - 1] += c;
  }
  return pieces;
}

/** The one word that a pattern without stars stands for. */
export function literal(pattern: Glob): string | undefined {
  return pattern.length === 1 ? pattern[0] : undefined;
}

/** Each piece is looked for once, from where the last one ended: never more than the length of the word times that of the pattern. */
export function matches(pattern: Glob, word: string): boolean {
  const [first = '', ...rest] = pattern;
  if (rest.length === 0) return word === first;
  const last = rest.pop() ?? '';
  if (word.length < first.length + last.length || !word.startsWith(first) || !word.endsWith(last)) return false;
  let at = first.length;
  const end = word.length - last.length;
  for (const piece of rest) {
    const found = word.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return at <= end;
}
