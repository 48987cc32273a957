import { members, text } from './strict.ts';

/** A file in the agent's home that holds a placeholder, for programs that read no environment. */
export interface PlaceholderFile {
  /** Below the home, without a slash in front; written anew at each start, mode 0600. */
  readonly path: string;
  /** `{}` in it is the placeholder, as often as it stands there; `{account}`, of a sign-in, whose it is. */
  readonly text: string;
}

/** Where the placeholder goes in a text. */
export const HOLE = '{}';
export const ACCOUNT = '{account}';

/** Why a text is none that a placeholder is put into, as the end of "... "; undefined: it is one. */
export function whyNoText(given: string, most: number, often: boolean = false): string | undefined {
  if (!given.includes(HOLE)) return 'does not have {} in it';
  if (!often && given.split(HOLE).length > 2) return 'has {} in it more than once';
  if (given.length > most) return `is longer than ${most} characters`;
  return given.isWellFormed() && !given.includes('\0') ? undefined : 'has something in it that no file holds';
}

/** A plain path below the home, of names that no program is started by. */
export function isHomePath(path: string): boolean {
  const names = path.split('/');
  return path.length <= 200 && names.every((name) => /^[\w.+@-]{1,100}$/.test(name) && name !== '.' && name !== '..');
}

export function filled(given: string, placeholder: string): string {
  return given.split(HOLE).join(placeholder);
}

export const LONGEST_ENV_TEXT = 500;
export const LONGEST_FILE_TEXT = 4000;

export function envText(raw: unknown, at: string): string {
  return text(raw, at, 'a text with {} in it', (one) => whyNoText(one, LONGEST_ENV_TEXT) === undefined);
}

export function placeholderFile(raw: unknown, at: string): PlaceholderFile {
  const given = members(raw, at, ['path', 'text']);
  return {
    path: text(given.path, `${at}.path`, 'a path below the home', isHomePath),
    text: text(
      given.text,
      `${at}.text`,
      'a text with {} in it',
      (one) => whyNoText(one, LONGEST_FILE_TEXT, true) === undefined,
    ),
  };
}
