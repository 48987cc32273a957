/** At most so many words of a rule, and characters of one of them. */
const MOST_RULE_WORDS = 64;
const LONGEST_RULE_WORD = 1024;

/** Why words are no argv rule, as the end of a sentence; undefined: they are one. The program comes first and is no pattern; `**` may
 *  only be the last word. */
export function whyNoRule(words: readonly string[]): string | undefined {
  const [program = '', ...rest] = words;
  if (program === '') return 'names no program';
  if (/[*\\]/.test(program)) return 'has a pattern for its program; name the program';
  if (program.includes('/') && !program.startsWith('/')) return 'names its program by a path that is not absolute';
  if (words.length > MOST_RULE_WORDS) return `has more than ${MOST_RULE_WORDS} words`;
  if (words.some((word) => word.length > LONGEST_RULE_WORD || word.includes('\0') || !word.isWellFormed()))
    return 'has a word that is too long, or no text';
  return rest.slice(0, -1).includes('**') ? 'has ** before its end; it stands for the rest' : undefined;
}
