import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FAMILIES, LINES } from '../../src/drill/list.ts';
import { read, TOP } from '../tree/sources.ts';

const attacks = FAMILIES.flatMap((family) => family.attacks);
const left = FAMILIES.flatMap((family) => family.notApplicable);
const page = read('docs/threats.md');

interface Row {
  readonly line: number;
  readonly text: string;
  /** Ids in backticks; `a09-*` stands for all of its line. */
  readonly ids: readonly string[];
}

const idsIn = (text: string): string[] =>
  [...text.matchAll(/`([a-f]\d{2,3}-(?:\*|[a-z0-9-]+))`/g)].map(([, id]) => id ?? '');

const rows: readonly Row[] = page.split('\n').flatMap((text) => {
  const [, line] = /^\| (\d+) \|/.exec(text) ?? [];
  return line === undefined ? [] : [{ line: Number(line), text, ids: idsIn(text) }];
});

test('the page has a row for every line of the list of attacks, once and in order', () => {
  assert.deepEqual(
    rows.map(({ line }) => line),
    Array.from({ length: LINES }, (_, i) => i + 1),
  );
});

test('every id on the page is an attack, or a line not attacked, of the drill', () => {
  const known = [...attacks, ...left].map(({ id }) => id);
  const lost = idsIn(page).filter(
    (id) => !known.some((one) => (id.endsWith('*') ? one.startsWith(id.slice(0, -1)) : one === id)),
  );
  assert.deepEqual(lost, []);
});

test('a row names attacks of its own line, and says "not attacked" where the drill does, with its step', () => {
  for (const { line, text, ids } of rows) {
    const not = left.find((one) => one.line === line);
    assert.ok(ids.length > 0, `line ${line} names no attack`);
    for (const id of ids) assert.equal(Number(/^[a-f](\d+)/.exec(id)?.[1]), line, `${id} stands at line ${line}`);
    assert.equal(text.includes('*not attacked'), not !== undefined, `line ${line}`);
    if (not?.step !== undefined)
      assert.ok(text.includes(`*not attacked, step ${not.step}*`), `line ${line}: step ${not.step}`);
    if (!not)
      assert.match(
        text,
        /\| `src\/[^|]+ \| `test\/[^|]+ \|$/,
        `line ${line} says neither where it is held nor what tries it`,
      );
  }
});

const PAGES = [
  'README.md',
  'ARCHITECTURE.md',
  'SECURITY.md',
  'LIMITS.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'docs/threats.md',
];

test('every file that the documents name is there, and every link leads somewhere', () => {
  const missing = PAGES.flatMap((path) => {
    const text = read(path);
    const named = [...text.matchAll(/`((?:src|test|docs|setup|examples|schema|bench)\/[\w./-]+?)\/?`/g)].map(
      ([, to]) => to ?? '',
    );
    const linked = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, to]) => join(path, '..', to ?? ''));
    return [...named, ...linked].filter((to) => !existsSync(join(TOP, to))).map((to) => `${path}: ${to}`);
  });
  assert.deepEqual(missing, []);
});
