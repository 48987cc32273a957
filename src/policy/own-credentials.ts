/** Whether a text that a person's tools keep credentials in holds a value as a whole: not as a part of a longer word. Both the value itself and
 *  the forms that such files have it in are looked for: percent-encoded (git-credential-store(1)) and as the password of `auth` (Docker's config.json,
 *  base64 of user:password). */
export function holdsCredential(text: string, value: string): boolean {
  return [text, decoded(text), ...basics(text)].some((one) => hasWord(one, value));
}

function hasWord(text: string, value: string): boolean {
  for (let at = text.indexOf(value); at >= 0; at = text.indexOf(value, at + 1)) {
    const [before, after] = [text[at - 1] ?? ' ', text[at + value.length] ?? ' '];
    if (!/[A-Za-z0-9_-]/.test(before) && !/[A-Za-z0-9_-]/.test(after)) return true;
  }
  return false;
}

function decoded(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function basics(text: string): string[] {
  return [...text.matchAll(/"auth"\s*:\s*"([A-Za-z0-9+/=]{1,8192})"/g)].map(([, form = '']) =>
    Buffer.from(form, 'base64').toString('latin1'),
  );
}
