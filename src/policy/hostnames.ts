/** Host patterns of egress rules: an exact name, `*.example.test` for every name below it at a label boundary (not itself), or
 *  an address. Both sides are canonical (src/protocol/host.ts). */
export function hostMatches(pattern: string, host: string): boolean {
  if (!pattern.startsWith('*.')) return pattern === host;
  const base = pattern.slice(1); // ".example.test"
  return host.length > base.length && host.endsWith(base);
}

/** The closer of two matching patterns wins: an exact one, then the longer one. */
export function closeness(pattern: string): number {
  return pattern.startsWith('*.') ? pattern.length : 1000;
}
