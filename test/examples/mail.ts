import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Mail {
  readonly headers: ReadonlyMap<string, string>;
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly attachments: readonly { readonly name: string; readonly type: string; readonly bytes: number }[];
  readonly types: readonly string[];
}

interface Reader {
  readonly readMail: (bytes: Buffer) => Mail;
  readonly decodeWords: (value: string) => string;
  readonly readParameters: (field: string) => {
    readonly value: string;
    readonly parameters: ReadonlyMap<string, string>;
  };
}

export const STUDIO: string = join(import.meta.dirname, '../../examples/studio');
export const INBOX: string = join(STUDIO, 'office/inbox');

/** The clerk's own reader; it is plain JavaScript, so its types are written down here. */
export const reader: Reader = (await import(join(STUDIO, 'office/mail.mjs'))) as Reader;

/** The letters of the example, in the order of their names. */
export function letters(): { readonly file: string; readonly bytes: Buffer }[] {
  const files = readdirSync(INBOX).filter((file) => file.endsWith('.eml'));
  return files.sort().map((file) => ({ file, bytes: readFileSync(join(INBOX, file)) }));
}
