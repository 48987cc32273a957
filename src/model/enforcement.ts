/** How far a wall stands. "Partly" is never "fully"; what was not measured is unknown, and unknown counts as red. */
export type Enforcement =
  | { readonly level: 'full' }
  | { readonly level: 'partial'; readonly missing: readonly string[] }
  | { readonly level: 'none'; readonly why: string }
  | { readonly level: 'unknown'; readonly why: string };

export const WALLS = ['identity', 'files', 'exec', 'processes', 'syscalls', 'network', 'limits', 'record'] as const;
export type Wall = (typeof WALLS)[number];
