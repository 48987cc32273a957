import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { sha256 } from './tree.ts';

/** C2SP signed-note v1: text, an empty line, one line per signature. Only Ed25519 (type 0x01). */
const ED25519 = 1;
const MOST_SIGNATURES = 64;
const NAME = /^[^\p{White_Space}+]+$/u;
const DASH = '\u2014';

export interface Verifier {
  readonly name: string;
  readonly id: number;
  /** 32 bytes, RFC 8032. */
  readonly publicKey: Buffer;
}

export function verifierOf(name: string, publicKey: Buffer): Verifier {
  if (!NAME.test(name)) throw new TypeError(`${JSON.stringify(name)} is not a key name`);
  if (publicKey.length !== 32) throw new TypeError('an Ed25519 public key has 32 bytes');
  const id = sha256(Buffer.concat([Buffer.from(`${name}\n`), Buffer.from([ED25519]), publicKey])).readUInt32BE(0);
  return { name, id, publicKey };
}

function hex(id: number): string {
  return id.toString(16).padStart(8, '0');
}

/** `<name>+<hex of id>+<base64 of type and key>` */
export function formatVerifier(verifier: Verifier): string {
  const key = Buffer.concat([Buffer.from([ED25519]), verifier.publicKey]).toString('base64');
  return `${verifier.name}+${hex(verifier.id)}+${key}`;
}

/** @returns undefined for anything that is not an Ed25519 verifier key whose id is right */
export function parseVerifier(text: string): Verifier | undefined {
  const [name, id, key, ...rest] = splitAtPlus(text);
  if (name === undefined || id === undefined || key === undefined || rest.length > 0 || !NAME.test(name))
    return undefined;
  const bytes = strictBase64(key);
  if (bytes === undefined || bytes.length !== 33 || bytes[0] !== ED25519) return undefined;
  const verifier = verifierOf(name, bytes.subarray(1));
  return hex(verifier.id) === id ? verifier : undefined;
}

/** Base64 has plus signs too, so only the first two separate. */
function splitAtPlus(text: string): string[] {
  const first = text.indexOf('+');
  const second = text.indexOf('+', first + 1);
  return first < 0 || second < 0 ? [] : [text.slice(0, first), text.slice(first + 1, second), text.slice(second + 1)];
}

function strictBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

export function keyOf(verifier: Verifier): KeyObject {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: verifier.publicKey.toString('base64url') };
  return createPublicKey({ key: jwk, format: 'jwk' });
}

/** @param text  ends in a newline, no control characters but newlines */
export function signNote(text: string, verifier: Verifier, privateKey: KeyObject): string {
  if (!wellFormed(text) || !text.endsWith('\n')) throw new TypeError('this text cannot be signed as a note');
  const id = Buffer.alloc(4);
  id.writeUInt32BE(verifier.id);
  const signature = Buffer.concat([id, sign(null, Buffer.from(text), privateKey)]).toString('base64');
  return `${text}\n${DASH} ${verifier.name} ${signature}\n`;
}

function wellFormed(text: string): boolean {
  if (!text.isWellFormed()) return false;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 0x20 && text[i] !== '\n') return false;
  return true;
}

export type NoteOpened =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly why: 'malformed' | 'unknown-key' | 'bad-signature' };

/** Whoever hands over the note controls every byte. A signature by a name and id we do not know is ignored; one by ours that
 *  does not verify condemns the note. */
export function openNote(note: string, verifier: Verifier): NoteOpened {
  const malformed: NoteOpened = { ok: false, why: 'malformed' };
  const gap = note.lastIndexOf('\n\n');
  if (gap < 0 || !note.endsWith('\n') || !wellFormed(note)) return malformed;
  const text = note.slice(0, gap + 1);
  const lines = note.slice(gap + 2, -1).split('\n');
  if (lines.length > MOST_SIGNATURES) return malformed;
  let verified = false;
  for (const line of lines) {
    const [dash, name, encoded, ...rest] = line.split(' ');
    const bytes = encoded === undefined ? undefined : strictBase64(encoded);
    if (dash !== DASH || name === undefined || !NAME.test(name) || rest.length > 0) return malformed;
    if (bytes === undefined || bytes.length < 5) return malformed;
    if (name !== verifier.name || bytes.readUInt32BE(0) !== verifier.id) continue;
    if (!verify(null, Buffer.from(text), keyOf(verifier), bytes.subarray(4)))
      return { ok: false, why: 'bad-signature' };
    verified = true;
  }
  return verified ? { ok: true, text } : { ok: false, why: 'unknown-key' };
}
