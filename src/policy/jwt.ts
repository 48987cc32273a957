import { readJson } from '../model/read-json.ts';
/** The claims of a JSON Web Token in its compact form (RFC 7519, 3; RFC 7515, 7.1). Nothing is verified: whoever gives it may say anything.
 *  @returns undefined: it is none */
export function claimsOf(token: string): Readonly<Record<string, unknown>> | undefined {
  const [, claims, ...rest] = token.length <= LONGEST ? (COMPACT.exec(token)?.[0].split('.') ?? []) : [];
  if (claims === undefined || rest.length !== 1) return undefined;
  const read = readJson(Buffer.from(claims, 'base64url').toString('utf8'));
  return typeof read === 'object' && read !== null && !Array.isArray(read)
    ? (read as Record<string, unknown>)
    : undefined;
}

/** When it ends (RFC 7519, 4.1.4); milliseconds since 1970. */
export function endOf(token: string): number | undefined {
  const exp = claimsOf(token)?.exp;
  return typeof exp === 'number' && exp > 0 && exp < 1e11 ? Math.floor(exp * 1000) : undefined;
}

/** All of a token but its signature, with a dot behind. */
export function unsigned(claims: Readonly<Record<string, unknown>>): string {
  return `${coded({ alg: 'RS256', typ: 'JWT' })}.${coded(claims)}.`;
}

function coded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

const LONGEST = 100_000;
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;
