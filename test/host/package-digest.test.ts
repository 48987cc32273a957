import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import { packageOf } from '../../src/host/view/package-digest.ts';

const SKIP = process.getuid?.() === 0 ? false : 'only a file of root’s is ever confirmed';
const TEXT = Buffer.from('what the package has\n');
const MD5 = createHash('md5').update(TEXT).digest('hex');

interface Ground {
  readonly file: string;
  readonly admin: string;
  write(name: string, text: string): void;
}

function ground(t: TestContext): Ground {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-dpkg-'));
  t.after(() => removeTree(folder));
  const admin = join(folder, 'dpkg');
  mkdirSync(join(admin, 'info'), { recursive: true });
  const file = join(folder, 'program');
  writeFileSync(file, TEXT, { mode: 0o755 });
  const write = (name: string, text: string): void => writeFileSync(join(admin, name), text);
  write('info/tool:amd64.md5sums', `${'0'.repeat(32)}  other/file\n${MD5}  ${file.slice(1)}\n`);
  write(
    'status',
    'Package: tool\nStatus: install ok installed\nArchitecture: i386\nVersion: 9\n\nPackage: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.2-3\n',
  );
  return { file, admin, write };
}

test('a file with the digest that its package has is confirmed, with package and version', { skip: SKIP }, (t) => {
  const { file, admin } = ground(t);
  assert.deepEqual(packageOf(file, TEXT, admin), { package: 'tool:amd64', version: '1.2-3' });
});

const OTHERWISE: readonly (readonly [string, (ground: Ground) => void])[] = [
  ['of other content', ({ write, file }) => write('info/tool:amd64.md5sums', `${'1'.repeat(32)}  ${file.slice(1)}\n`)],
  ['of no package', ({ write }) => write('info/tool:amd64.md5sums', '')],
  [
    'whose path only ends like the listed one',
    ({ write, file }) => write('info/tool:amd64.md5sums', `${MD5}  x${file.slice(1)}\n`),
  ],
  ['of two packages', ({ write, file }) => write('info/more.md5sums', `${MD5}  ${file.slice(1)}\n`)],
  ['that is diverted', ({ write, file }) => write('diversions', `${file}\n${file}.real\nother\n`)],
  [
    'whose package is half installed',
    ({ write }) =>
      write('status', 'Package: tool\nStatus: install ok half-configured\nArchitecture: amd64\nVersion: 1.2-3\n'),
  ],
  ['that others may write', ({ file }) => chmodSync(file, 0o775)],
];

for (const [what, spoil] of OTHERWISE)
  test(`a file ${what} is not confirmed`, { skip: SKIP }, (t) => {
    const made = ground(t);
    spoil(made);
    assert.equal(packageOf(made.file, TEXT, made.admin), undefined);
  });

test('where there is no dpkg nothing is confirmed', { skip: SKIP }, (t) => {
  const { file, admin } = ground(t);
  assert.equal(packageOf(file, TEXT, `${admin}/none`), undefined);
});
