import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { copyCompiled } from '../files/compiled.ts';
import { removeTree } from '../files/mounts.ts';
import { runToolLater } from '../processes/command.ts';
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
      await copyCompiled(what.from, what.digest, next);
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
  const folders = new Set<string>();
  for (const path of copiedFiles(what.from)) {
    const to = join(next, path);
    if (!folders.has(dirname(to))) mkdirSync(dirname(to), { recursive: true });
    folders.add(dirname(to));
    copyFileSync(join(what.from, path), to);
  }
  mkdirSync(join(next, 'bin'), { recursive: true });
  copyFileSync(process.execPath, join(next, 'bin/node'));
  writeFileSync(join(next, DIGEST_FILE), `${what.digest}\n`);
}

/** What of the tree the programs need; the Node they run on goes beside it. */
const COPIED: readonly string[] = [
  'bulkhead',
  'package.json',
  'src',
  'schema',
  ...['commander', 'koffi', '@koromix', 'yaml', 'zod', 'age-encryption', '@noble', '@scure'].map(
    (name) => `node_modules/${name}`,
  ),
];

/** Of a package: what Node loads, and its licence. Declarations, sources and maps are more than half of all files. */
const OF_PACKAGES = /\.([cm]?js|json|node)$|\/licen[cs]e[^/]*$/i;

/** The files that are copied: paths relative to the tree, sorted within each part. */
export function copiedFiles(tree: string): string[] {
  return COPIED.flatMap((part) => filesOf(tree, part)).filter(
    (path) => !path.startsWith('node_modules/') || OF_PACKAGES.test(path),
  );
}

function filesOf(tree: string, part: string): string[] {
  const stat = statSync(join(tree, part), { throwIfNoEntry: false });
  if (stat === undefined) return [];
  if (!stat.isDirectory()) return [part];
  return readdirSync(join(tree, part), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(tree.length + 1))
    .sort();
}
