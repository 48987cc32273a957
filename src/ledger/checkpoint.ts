import type { KeyObject } from 'node:crypto';
import { openNote, signNote, type Verifier } from './note.ts';
import { HASH_BYTES, type Hash } from './tree.ts';

/** C2SP tlog-checkpoint: a signed note of at least three lines: origin, size, root. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Hash;
}

export function signCheckpoint(size: number, root: Hash, verifier: Verifier, privateKey: KeyObject): string {
  return signNote(`${verifier.name}\n${size}\n${root.toString('base64')}\n`, verifier, privateKey);
}

export type CheckpointOpened =
  | ({ readonly ok: true } & Checkpoint)
  | { readonly ok: false; readonly why: 'malformed' | 'unknown-key' | 'bad-signature' | 'other-origin' };

/** Opens a checkpoint of the log whose key this is; its origin is the key's name. Foreign bytes throughout. */
export function openCheckpoint(note: string, verifier: Verifier): CheckpointOpened {
  const opened = openNote(note, verifier);
  if (!opened.ok) return opened;
  const body = parseCheckpoint(opened.text);
  if (body === undefined) return { ok: false, why: 'malformed' };
  return body.origin === verifier.name ? { ok: true, ...body } : { ok: false, why: 'other-origin' };
}

/** @returns undefined where the text has not the form of a checkpoint; extension lines are passed over */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  if (!text.endsWith('\n')) return undefined;
  const lines = text.slice(0, -1).split('\n');
  const [origin, size, root] = lines;
  if (!origin || size === undefined || root === undefined || lines.includes('')) return undefined;
  if (!/^(0|[1-9][0-9]{0,15})$/.test(size) || !Number.isSafeInteger(Number(size))) return undefined;
  const bytes = Buffer.from(root, 'base64');
  if (bytes.length !== HASH_BYTES || bytes.toString('base64') !== root) return undefined;
  return { origin, size: Number(size), root: bytes };
}
