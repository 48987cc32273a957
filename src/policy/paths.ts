/** Paths of requests and patterns over them. A pattern is compared part by part: `*` stands for any part of one name, `**` as a whole
 *  part for any number of parts. */

/** A path as it is compared: decoded once (RFC 3986, 2.1), without its query. The agent controls every byte.
 *  @returns undefined where servers read it differently: a part that is `.` or `..`, an encoded slash or percent sign, a backslash, two
 *  slashes in a row, control characters, and what is not UTF-8 */
export function comparablePath(target: string): string | undefined {
  const path = target.replace(/[?#].*$/s, '');
  if (!path.startsWith('/') || /%(?![0-9A-Fa-f]{2})|%2[Ff5]|%5[Cc]|%00|\\|\/\/|;/.test(path)) return undefined;
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return undefined; // not UTF-8
  }
  if (/[\p{Cc}]/u.test(decoded)) return undefined;
  return decoded.split('/').some((part) => part === '.' || part === '..') ? undefined : decoded;
}

/** @param path  of `comparablePath` */
export function pathMatches(pattern: string, path: string): boolean {
  return parts(pattern.split('/'), path.split('/'));
}

function parts(pattern: readonly string[], path: readonly string[]): boolean {
  // Backtracking over `**` alone, and there is at most one.
  const many = pattern.indexOf('**');
  if (many < 0) return pattern.length === path.length && pattern.every((part, i) => partMatches(part, path[i] ?? ''));
  const after = pattern.slice(many + 1);
  if (path.length < many + after.length) return false;
  return (
    parts(pattern.slice(0, many), path.slice(0, many)) &&
    parts(after, after.length === 0 ? [] : path.slice(-after.length))
  );
}

/** Stars and text in turn, without backtracking: each text is looked for after the one before. */
function partMatches(pattern: string, part: string): boolean {
  const texts = pattern.split('*');
  const [first = '', ...rest] = texts;
  if (rest.length === 0) return pattern === part;
  const last = rest.pop() ?? '';
  if (!part.startsWith(first) || part.length < first.length + last.length || !part.endsWith(last)) return false;
  let at = first.length;
  for (const text of rest) {
    const found = part.indexOf(text, at);
    if (found < 0 || found + text.length > part.length - last.length) return false;
    at = found + text.length;
  }
  return true;
}

/** Why a text is no pattern, as the end of "... "; undefined: it is one. */
export function whyNoPathPattern(pattern: string): string | undefined {
  if (!/^\/[!-~]{0,500}$/.test(pattern)) return 'is not a path beginning with a slash';
  if (/[?#%\\;]/.test(pattern) || pattern.includes('//')) return 'has something in it that a path is compared without';
  const names = pattern.split('/');
  if (names.some((part) => part === '.' || part === '..')) return 'has a dot part in it';
  if (names.some((part) => part.includes('**') && part !== '**')) return 'has ** within a part';
  return names.filter((part) => part === '**').length > 1 ? 'has ** in it twice' : undefined;
}
