import type { BigIntStats } from 'node:fs';

/** What changes when a file is another, or has other content. */
export function versionOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}
