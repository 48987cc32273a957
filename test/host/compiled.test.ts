import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { compiled, compiledFor, copyCompiled } from '../../src/host/files/compiled.ts';
import { removeTree } from '../../src/host/files/mounts.ts';
import { writableByOthers } from '../../src/host/files/writable.ts';
import { copies } from '../../src/host/hands/copies.ts';

const NOT_ROOT = process.getuid?.() === 0 ? false : 'ownership is what is tested, and giving it takes root';
const KEPT = 'node_modules/.cache/programs';
const SOMEBODY = 64_741;
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'bulkhead-compiled-')));
chmodSync(folder, 0o755);
after(() => removeTree(folder));
let count = 0;

/** A tree with programs of these names, each of which leaves a file when it runs, and shares a module with the others. */
function newTree(): { readonly tree: string; readonly ran: string } {
  const tree = join(folder, `tree-${++count}`);
  const ran = join(folder, `ran-${count}`, 'it');
  mkdirSync(dirname(ran));
  chmodSync(dirname(ran), 0o777);
  mkdirSync(join(tree, 'node_modules'), { recursive: true });
  const text = (path: string, source: string): void => {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), source);
  };
  text('package.json', '{ "type": "module" }');
  text(
    'src/shared.ts',
    `import { writeFileSync } from 'node:fs';\nexport const mark = (): void => writeFileSync('${ran}', '');\n`,
  );
  for (const name of ['warden/main', 'ledger/main', 'gateway/main', 'gate/main', 'gate/hot', 'gate/sync'])
    text(
      `src/programs/${name}.ts`,
      `import { mark } from '../../shared.ts';\nconst name: string = '${name}';\nif (name) mark();\n`,
    );
  return { tree, ran };
}

/** Runs a program of a tree, and says what Node did with what it had kept. */
function load(node: string, tree: string, env: Readonly<Record<string, string>>, uid = 0): string {
  const words = [
    '--reuid',
    String(uid),
    '--regid',
    String(uid),
    '--clear-groups',
    node,
    '--disable-warning=ExperimentalWarning',
  ];
  const { stdout, stderr } = spawnSync('setpriv', [...words, join(tree, 'src/programs/gateway/main.ts')], {
    env: { PATH: '/usr/bin:/bin', NODE_DEBUG_NATIVE: 'COMPILE_CACHE', ...env },
    encoding: 'utf8',
  });
  return stdout + stderr;
}

test('programs are compiled without a line of them being run, once for each digest', { skip: NOT_ROOT }, async () => {
  const { tree, ran } = newTree();
  const name = (await compiled(tree, 'one')) ?? assert.fail('nothing was kept');
  assert.equal(existsSync(ran), false);
  const entries = readdirSync(join(tree, KEPT, name));
  assert.ok(entries.length >= 14, `seven modules, as JavaScript and compiled: ${entries.length}`);
  removeTree(join(tree, 'src/shared.ts')); // compiled again it would fail
  assert.equal(await compiled(tree, 'one'), name);
});

test('what is kept is for all to read, whatever the umask, which is as it was afterwards', {
  skip: NOT_ROOT,
}, async () => {
  const { tree } = newTree();
  const umask = process.umask(0o077);
  try {
    const name = (await compiled(tree, 'one')) ?? assert.fail('nothing was kept');
    assert.equal(process.umask(), 0o077);
    const modes = ['', 'of.json', name, `${name}/${readdirSync(join(tree, KEPT, name))[0]}`].map((path) =>
      (statSync(join(tree, KEPT, path)).mode & 0o777).toString(8),
    );
    assert.deepEqual(modes, ['755', '644', '755', '644']);
  } finally {
    process.umask(umask);
  }
});

test('a copy starts from what its tree had compiled, also under a user that may write none of it', {
  skip: NOT_ROOT,
}, async () => {
  const { tree } = newTree();
  const copy = join(folder, `copy-${count}`);
  await copies.make({ kind: 'copy', path: copy, from: tree, digest: 'one' });
  const without = load(join(copy, 'bin/node'), copy, {}, SOMEBODY);
  assert.doesNotMatch(without, /was accepted/);
  const said = load(join(copy, 'bin/node'), copy, compiledFor(SOMEBODY, copy), SOMEBODY);
  assert.equal(said.match(/was accepted/g)?.length, 2, said);
  assert.doesNotMatch(said, /was rejected|writing cache/);
  assert.deepEqual(writableByOthers(join(copy, KEPT)), []);
  // What changed is compiled anew, and what came of it is not kept by who may not write there.
  writeFileSync(join(copy, 'src/shared.ts'), 'export const mark = (): void => {};\n');
  const changed = load(join(copy, 'bin/node'), copy, compiledFor(SOMEBODY, copy), SOMEBODY);
  assert.equal(changed.match(/was accepted/g)?.length, 1, changed);
  assert.match(changed, /permission denied/i);
});

test('what somebody else may write is in no copy', { skip: NOT_ROOT }, async () => {
  const ways: readonly [what: string, open: (kept: string, name: string) => void][] = [
    ['the folder', (kept) => chmodSync(kept, 0o777)],
    ['the folder of what is kept', (kept, name) => chownSync(join(kept, name), SOMEBODY, SOMEBODY)],
    ['one file', (kept, name) => chmodSync(join(kept, name, readdirSync(join(kept, name))[0] ?? assert.fail()), 0o666)],
  ];
  for (const [what, open] of ways) {
    const { tree } = newTree();
    const copy = join(folder, `copy-${count}`);
    mkdirSync(copy);
    open(join(tree, KEPT), (await compiled(tree, 'one')) ?? assert.fail('nothing was kept'));
    await copyCompiled(tree, 'one', copy);
    assert.equal(existsSync(join(copy, KEPT)), false, what);
  }
});

test('what an attacker left where Node keeps things is not loaded', { skip: NOT_ROOT }, async () => {
  const { tree } = newTree();
  mkdirSync(join(tree, KEPT), { recursive: true });
  chownSync(join(tree, KEPT), SOMEBODY, SOMEBODY);
  assert.equal(await compiled(tree, 'one'), undefined);
  assert.deepEqual(readdirSync(join(tree, KEPT)), [], 'Node has not been there');
});

test('a note that was cut off is written anew', { skip: NOT_ROOT }, async () => {
  const { tree } = newTree();
  const name = await compiled(tree, 'one');
  writeFileSync(join(tree, KEPT, 'of.json'), '{"digest":"on');
  assert.equal(await compiled(tree, 'one'), name);
});

test('root compiles nothing for a tree that is not its own', { skip: NOT_ROOT }, async () => {
  const { tree } = newTree();
  chownSync(join(tree, 'node_modules'), SOMEBODY, SOMEBODY);
  assert.equal(await compiled(tree, 'one'), undefined);
  assert.deepEqual(readdirSync(join(tree, 'node_modules')), []);
});
