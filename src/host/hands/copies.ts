import { cpSync, existsSync, readdirSync, readFileSync, renameSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runToolLater } from '../command.ts';
import { removeTree } from '../mounts.ts';
import type { Hand, Of } from './hand.ts';

/** The root-owned copy that the programs run from. The digest of what was copied stands in the copy itself. */
const DIGEST_FILE = '.digest';

export const copies: Hand<Of<'copy'>> = {
  observe(what) {
    const at = join(what.path, DIGEST_FILE);
    return existsSync(at) ? { ...what, digest: readFileSync(at, 'utf8').trim() } : undefined;
  },
  async make(what) {
    const next = `${what.path}.next`;
    removeTree(next);
    try {
      copyTree(what, next);
      await runToolLater('chown', ['-R', 'root:root', next]);
      await runToolLater('chmod', ['-R', 'u=rwX,go=rX', next]);
    } catch (error) {
      removeTree(next); // half a copy is of no use, and may be what filled the disk
      throw error;
    }
    const old = `${what.path}.old`;
    removeTree(old);
    if (existsSync(what.path)) renameSync(what.path, old);
    renameSync(next, what.path);
    removeTree(old);
  },
  async change(what) {
    await copies.make(what);
  },
  remove(what) {
    for (const path of [what.path, `${what.path}.next`, `${what.path}.old`]) removeTree(path);
    if (existsSync(dirname(what.path)) && readdirSync(dirname(what.path)).length === 0) removeTree(dirname(what.path));
  },
};

function copyTree(what: Of<'copy'>, next: string): void {
  for (const part of COPIED) {
    const from = join(what.from, part);
    if (existsSync(from)) copyFolder(from, join(next, part));
  }
  cpSync(process.execPath, join(next, 'bin/node'));
  writeFileSync(join(next, DIGEST_FILE), `${what.digest}\n`);
}

/** Node copies folders by the C++ library, and then calls every failure EIO, a full disk too. */
function copyFolder(from: string, to: string): void {
  try {
    cpSync(from, to, { recursive: true, dereference: false });
  } catch (error) {
    const { bavail, bsize, ffree } = statfsSync(existsSync(to) ? to : dirname(dirname(to)));
    if ((error as NodeJS.ErrnoException).code !== 'EIO' || (bavail * bsize >= FULL_BYTES && ffree > 0)) throw error;
    throw Object.assign(new Error(`no space for ${to}`), { code: 'ENOSPC' });
  }
}
/** Less than any package that is copied. */
const FULL_BYTES = 128 * 1024;

/** What of the tree the programs need; the Node they run on goes beside it. */
export const COPIED: readonly string[] = [
  'bulkhead',
  'package.json',
  'src',
  'schema',
  ...['commander', 'koffi', '@koromix', 'yaml', 'zod', 'age-encryption', '@noble', '@scure'].map(
    (name) => `node_modules/${name}`,
  ),
];
