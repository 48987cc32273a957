import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Admitted } from '../../ledger/entry.ts';
import { replaceFile } from './files.ts';

/** Keeps entries that are too long for a bundle under their SHA-256, on disk before the short form is appended. */
export async function keepWhole(dir: string, entries: readonly Admitted[]): Promise<void> {
  for (const { whole } of entries) {
    if (whole === undefined) continue;
    const path = join(dir, 'whole', whole.digest);
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (!there) await replaceFile(path, whole.bytes);
  }
}
