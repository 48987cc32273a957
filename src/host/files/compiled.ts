import { execFile } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { readJson } from '../../model/read-json.ts';
import { replaceFile } from './replace-file.ts';
import { writableByOthers } from './writable.ts';

/** What Node makes of our programs' TypeScript, kept beside it: most of what a start costs (docs/design/018-compiled-programs.md). It is
 *  code as the sources are, so only who may write those writes it, and nobody who is less trusted than its reader. */
const KEPT = 'node_modules/.cache/programs';
/** In there: which tree it is of, and the name of the folder that Node made (it tells version, machine and user). */
const OF = 'of.json';
const PROGRAMS: readonly string[] = [
  ...['warden/main.ts', 'ledger/main.ts', 'gateway/main.ts'],
  ...['gate/main.ts', 'gate/hot.ts', 'gate/sync.ts'],
].map((file) => `src/programs/${file}`);
/** How Node names what it keeps; what is still being written has a longer name. */
const ENTRY = /^[0-9a-f]{1,8}$/;
const OWN_TREE = fileURLToPath(new URL('../../..', import.meta.url));
const LONGEST_MS = 60_000;

/** Puts the compiled programs of a tree into a copy of it, and compiles them first if that was not done. Where somebody else may write there,
 *  or nobody, the copy is without, and Node compiles at every start. */
export async function copyCompiled(from: string, digest: string, copy: string): Promise<void> {
  const folder = await compiled(from, digest);
  if (folder === undefined) return;
  const [kept, to] = [join(from, KEPT, folder), join(copy, KEPT, folder)];
  mkdirSync(to, { recursive: true });
  for (const name of entriesOf(kept)) copyFileSync(join(kept, name), join(to, name));
}

/** Compiles the programs of a tree, once for each digest.
 *  @returns the folder of what came of it; undefined where there is none, or somebody else may write it */
export async function compiled(from: string, digest: string): Promise<string | undefined> {
  const ours = statSync(join(from, 'node_modules'), { throwIfNoEntry: false })?.uid === process.getuid?.();
  if (!ours || !PROGRAMS.every((path) => existsSync(join(from, path)))) return undefined;
  const kept = join(from, KEPT);
  try {
    readable(() => mkdirSync(kept, { recursive: true }));
    // Before Node is told of it, too: it loads what it finds there.
    if (writableByOthers(realpathSync(kept)).length > 0) return undefined;
    const before = known(kept);
    if (before?.digest === digest && existsSync(join(kept, before.folder))) return before.folder;
    const folder = await compile(from);
    if (folder === undefined) return undefined;
    // Node makes them for their user alone.
    for (const name of entriesOf(join(kept, folder))) chmodSync(join(kept, folder, name), 0o644);
    readable(() => replaceFile(join(kept, OF), `${JSON.stringify({ digest, folder })}\n`, 0o644));
    return folder;
  } catch {
    return undefined; // a disk that is full, or takes no writing: nothing but time is lost
  }
}

/** What is made here, or by a process that is started here, is for all to read: the sources are, too. */
function readable<T>(make: () => T): T {
  const umask = process.umask(0o022);
  try {
    return make();
  } finally {
    process.umask(umask);
  }
}

function entriesOf(folder: string): string[] {
  return readdirSync(folder).filter((name) => ENTRY.test(name));
}

/** What was compiled last. */
function known(kept: string): { readonly digest: string; readonly folder: string } | undefined {
  const at = join(kept, OF);
  const said = existsSync(at) ? readJson(readFileSync(at, 'utf8')) : undefined; // one that was cut off is written anew
  return said as { readonly digest: string; readonly folder: string } | undefined;
}

/** All programs in one process that ends before the first line of any is run: modules are compiled before they are evaluated, and evaluated
 *  in the order of their imports (ECMA-262, 16.2.1). */
function compile(from: string): Promise<string | undefined> {
  const end =
    'import { getCompileCacheDir as at } from "node:module"; process.stdout.write(at() ?? ""); process.exit()';
  const modules = [
    `data:text/javascript,${encodeURIComponent(end)}`,
    ...PROGRAMS.map((path) => pathToFileURL(join(from, path)).href),
  ];
  const text = modules.map((url) => `import ${JSON.stringify(url)};`).join('\n');
  const env = { NODE_COMPILE_CACHE: join(from, KEPT), NODE_COMPILE_CACHE_PORTABLE: '1' };
  return new Promise((resolve) => {
    const words = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', text];
    // What it has no room for is not kept, and nothing else is lost: so how it ended does not matter.
    readable(() =>
      execFile(process.execPath, words, { env, cwd: '/', timeout: LONGEST_MS }, (_, stdout) =>
        resolve(stdout === '' || !existsSync(stdout) ? undefined : basename(stdout)),
      ),
    );
  });
}

/** What a program of ours that runs under `uid` is told of it. Node looks into a folder that is named after the user: for another than root
 *  that is a link to what root wrote, in a folder that is root's.
 *  @returns none where nothing is kept */
export function compiledFor(uid: number, tree: string = OWN_TREE): Readonly<Record<string, string>> {
  const kept = join(tree, KEPT);
  if (!existsSync(kept)) return {};
  for (const roots of readdirSync(kept).filter((name) => /^v.*-0$/.test(name))) {
    const theirs = join(kept, roots.replace(/0$/, String(uid)));
    if (!existsSync(theirs)) symlinkSync(roots, theirs);
  }
  return { NODE_COMPILE_CACHE: kept, NODE_COMPILE_CACHE_PORTABLE: '1' };
}
