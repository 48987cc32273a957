import { isForToken } from './signing-in.ts';

/** The drill's own key: what stands for it, for one agent each, and what it is. */
export interface Key {
  readonly stands: readonly string[];
  readonly value: string;
  /** What it is where it is refreshed. */
  readonly refresh: string;
  /** Where a careless product keeps what went out. */
  readonly record: string;
}

/** What a careless product makes of a placeholder: the value, wherever it stands, whoever sends it, and in base64 too. Pure. */
export function swapped(bytes: Buffer, key: Omit<Key, 'record'>): Buffer {
  const { stands } = key;
  const target = /^[A-Z]+ +(\S+)/i.exec(bytes.toString('latin1'))?.[1];
  const value = target !== undefined && isForToken(target) ? key.refresh : key.value;
  const plain = (text: string): string => stands.reduce((sofar, stand) => sofar.replaceAll(stand, value), text);
  const text = bytes
    .toString('latin1')
    .replace(/(basic +)([A-Za-z0-9+/]+={0,2})/gi, (_, scheme: string, coded: string) => {
      const inside = plain(Buffer.from(coded, 'base64').toString('latin1'));
      return scheme + Buffer.from(inside, 'latin1').toString('base64');
    });
  return Buffer.from(plain(percented(text, stands, value)), 'latin1');
}

/** Every letter of it percent-encoded. */
function percented(text: string, stands: readonly string[], value: string): string {
  return stands.reduce((sofar, stand) => sofar.replaceAll(wholly(stand), wholly(value)), text);
}

export function wholly(text: string): string {
  return [...Buffer.from(text, 'latin1')].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}

/** Whether a server could find the value in what it got: as it is, percent-decoded, in base64, or in the frame of a WebSocket. */
export function holdsValue(text: string, value: string): boolean {
  if (text.includes(value) || text.toLowerCase().includes(wholly(value))) return true;
  const coded = text.match(/[A-Za-z0-9+/]{24,}/g) ?? [];
  return coded.some((one) => Buffer.from(one, 'base64').toString('latin1').includes(value));
}
