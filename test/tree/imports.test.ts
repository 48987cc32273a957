import assert from 'node:assert/strict';
import test from 'node:test';
import { importsOf, reachedFrom, sources } from './sources.ts';

/** The tree from bottom to top of the pile: a file imports from its own row and the rows before it. The folders of one row above
 *  the line may use each other (files in a cycle are refused all the same); those of `programs` may not. */
const ROWS: readonly (readonly string[])[] = [
  ['model'],
  ['protocol'],
  ['policy'],
  ['tiers', 'plan', 'ledger', 'checks', 'drill', 'incident', 'update', 'harness'],
  ['host'],
  ['wire'],
  ['programs'],
];
const BELOW_THE_LINE = ['host', 'wire', 'programs'];

const folderOf = (path: string): string => path.split('/')[1] ?? '';
const rowOf = (path: string): number => ROWS.findIndex((row) => row.includes(folderOf(path)));
const isPure = (path: string): boolean => !BELOW_THE_LINE.includes(folderOf(path));

/** Node's own modules that compute and touch nothing; of `node:net` only the functions that look at text. */
const PURE_NODE: ReadonlyMap<string, readonly string[] | 'all'> = new Map<string, readonly string[] | 'all'>([
  ['node:buffer', 'all'],
  ['node:path', 'all'],
  ['node:util', 'all'],
  ['node:zlib', ['crc32']],
  ['node:url', ['URL', 'domainToASCII', 'domainToUnicode']],
  ['node:net', ['isIP', 'isIPv4', 'isIPv6', 'BlockList', 'SocketAddress']],
  [
    'node:crypto',
    ['createHash', 'createPrivateKey', 'createPublicKey', 'sign', 'verify', 'hash', 'timingSafeEqual', 'KeyObject'],
  ],
]);

function broken(rule: (from: string) => readonly string[]): string[] {
  return sources.flatMap((from) => rule(from).map((what) => `${from} ${what}`));
}

test('every folder of src has its place in the tree', () => {
  assert.deepEqual(
    broken((from) => (rowOf(from) < 0 ? ['is in no folder of the tree'] : [])),
    [],
  );
});

test('no file imports from a row above its own', () => {
  const rule = (from: string): string[] =>
    importsOf(from)
      .filter(({ to }) => to.startsWith('src/') && rowOf(to) > rowOf(from))
      .map(({ to }) => `imports ${to}`);
  assert.deepEqual(broken(rule), []);
});

/** Checking a copied ledger takes the ledger's own reading of its files, and starts nothing. */
const LENT = ['src/programs/ledger/verify.ts'];

test('a program imports nothing of another program, but the table and the check of a ledger', () => {
  const program = (path: string): string => (path.split('/').length > 3 ? (path.split('/')[2] ?? '') : '');
  const rule = (from: string): string[] =>
    importsOf(from)
      .filter(({ to }) => folderOf(from) === 'programs' && to.startsWith('src/programs/') && !LENT.includes(to))
      .filter(({ to }) => program(to) !== '' && program(to) !== program(from))
      .map(({ to }) => `imports ${to}`);
  assert.deepEqual(broken(rule), []);
  for (const lent of LENT.filter((path) => sources.includes(path)))
    assert.doesNotMatch([...reachedFrom(lent)].join('\n'), /\/(main|key|writer|requests|publisher)\.ts$/m);
});

test('above the line there is no package, no file, no socket, no process', () => {
  const rule = (from: string): string[] =>
    isPure(from)
      ? importsOf(from)
          .filter(({ to, typeOnly }) => !typeOnly && !to.startsWith('src/'))
          .flatMap(({ to, names }) => {
            const pure = PURE_NODE.get(to);
            if (pure === 'all') return [];
            if (pure === undefined || names.length === 0) return [`imports ${to}`];
            return names.filter((name) => !pure.includes(name)).map((name) => `imports ${name} of ${to}`);
          })
      : [];
  assert.deepEqual(broken(rule), []);
});

test('koffi is imported by src/host/libc.ts and, for the exec gate, src/host/gate/libc-gate.ts alone', () => {
  const importing = sources.filter((from) => importsOf(from).some(({ to }) => to === 'koffi'));
  assert.deepEqual(importing, ['src/host/gate/libc-gate.ts', 'src/host/libc.ts']);
});

for (const program of ['warden', 'gate', 'ledger']) {
  const main = `src/programs/${program}/main.ts`;
  if (!sources.includes(main)) continue; // a program of a later step
  test(`the ${program} reaches no package but koffi`, () => {
    const packages = [...reachedFrom(main)].flatMap((from) =>
      importsOf(from)
        .filter(({ to, typeOnly }) => !typeOnly && !to.startsWith('src/') && !to.startsWith('node:'))
        .filter(({ to }) => to !== 'koffi')
        .map(({ to }) => `${from} imports ${to}`),
    );
    assert.deepEqual(packages, []);
  });
}

test('no import leads in a circle at run time', () => {
  const state = new Map<string, 'open' | 'done'>();
  const circles: string[] = [];
  const visit = (path: string, way: readonly string[]): void => {
    if (state.get(path) === 'done') return;
    if (state.get(path) === 'open') {
      circles.push([...way.slice(way.indexOf(path)), path].join(' -> '));
      return;
    }
    state.set(path, 'open');
    for (const { to, typeOnly } of importsOf(path)) if (!typeOnly && sources.includes(to)) visit(to, [...way, path]);
    state.set(path, 'done');
  };
  for (const path of sources) visit(path, []);
  assert.deepEqual(circles, []);
});

test('every import of ours leads to a file, written with its ending', () => {
  const rule = (from: string): string[] =>
    importsOf(from)
      .filter(({ to }) => to.startsWith('src/') && !sources.includes(to))
      .map(({ to }) => `imports ${to}, which is not there`);
  assert.deepEqual(broken(rule), []);
});

test('the reader of imports sees every way an import is written here', () => {
  const source = `import koffi from 'koffi';
import type { A } from './a.ts';
import { type B, type C } from '../b.ts';
import { type D, e as f } from 'node:net';
import {
  one,
  two,
} from './long.ts';
import './effect.ts';
export { g } from './g.ts';
export type * from './h.ts';
// import no from './no.ts';
/* import no from './no.ts'; */
const late = await import('./late.ts');
`;
  assert.deepEqual(importsOf('src/x/y.ts', source), [
    { to: 'koffi', names: [], typeOnly: false },
    { to: 'src/x/a.ts', names: ['A'], typeOnly: true },
    { to: 'src/b.ts', names: ['B', 'C'], typeOnly: true },
    { to: 'node:net', names: ['D', 'e'], typeOnly: false },
    { to: 'src/x/long.ts', names: ['one', 'two'], typeOnly: false },
    { to: 'src/x/effect.ts', names: [], typeOnly: false },
    { to: 'src/x/g.ts', names: ['g'], typeOnly: false },
    { to: 'src/x/h.ts', names: [], typeOnly: true },
    { to: 'src/x/late.ts', names: [], typeOnly: false },
  ]);
});
