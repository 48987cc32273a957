import { createHash } from 'node:crypto';
import type { AgentName, FleetName } from './names.ts';

/** useradd(8): "Usernames may only be up to 32 characters long". */
const LONGEST_USER = 32;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

export function isUserName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/.test(name);
}

/** Users of agents and of our own programs: no person's, and nobody's to run something as. */
export function isOurUser(name: string): boolean {
  return /^(?:bh-|bulkhead-)/.test(name);
}

/** The agent's Unix user (and group): `bh-FLEET-AGENT`.
 *
 *  Where that is longer than 32 characters, or where the fleet's name has a dash (`a-b` with `c` would be `a` with `b-c`), it is
 *  cut and `_` and a digest of both names follow. No name of ours has an underscore, so the two forms never meet; two digests
 *  of one length meet once in 2^40, which the reader refuses within a fleet. Deterministic for ever: files belong to it. */
export function unixUserName(fleet: FleetName, agent: AgentName): string {
  const plain = `bh-${fleet}-${agent}`;
  if (plain.length <= LONGEST_USER && !fleet.includes('-')) return plain;
  const tail = `_${digest(`${fleet}/${agent}`)}`;
  return plain.slice(0, LONGEST_USER - tail.length) + tail;
}

/** 8 characters of base32 (RFC 4648, lower case): 40 bits of SHA-256. */
function digest(text: string): string {
  return Array.from(createHash('sha256').update(text).digest().subarray(0, 8), (byte) => ALPHABET[byte % 32]).join('');
}
