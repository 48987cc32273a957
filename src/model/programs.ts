/** What stands in `exec.allow` and `exec.deny`: a file name, or an absolute path in its shortest spelling. */
export function isProgram(text: string): boolean {
  if (text.startsWith('/')) return isPlainPath(text) && text !== '/';
  return /^[A-Za-z0-9_[][A-Za-z0-9_.+@[-]{0,127}$/.test(text);
}

/** An absolute path with nothing left to resolve but links: no empty, `.` or `..` parts, no slash at the end, no line breaks. */
export function isPlainPath(text: string): boolean {
  if (text === '/') return true;
  return /^(?:\/[^/\0\n\r]+)+$/.test(text) && !text.split('/').some((part) => part === '.' || part === '..');
}
