import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import { TOP } from '../tree/sources.ts';

type Lock = { packages: Record<string, { version: string; integrity: string }> };

/** A folder like this one, whose node_modules leads to ours but for npm's own list of what is in it. */
function like(t: TestContext): { missing: () => string; list: string } {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-packages-'));
  t.after(() => removeTree(folder));
  for (const path of ['setup', 'package.json', 'package-lock.json'])
    cpSync(join(TOP, path), join(folder, path), { recursive: true });
  mkdirSync(join(folder, 'node_modules'));
  const list = join(folder, 'node_modules/.package-lock.json');
  for (const name of readdirSync(join(TOP, 'node_modules')).filter((name) => !name.startsWith('.')))
    symlinkSync(join(TOP, 'node_modules', name), join(folder, 'node_modules', name));
  cpSync(join(TOP, 'node_modules/.package-lock.json'), list);
  const missing = (): string => execFileSync('setup/npm-packages', ['missing'], { cwd: folder, encoding: 'utf8' });
  return { missing, list };
}

function change(list: string, edit: (lock: Lock) => void): void {
  const lock = JSON.parse(readFileSync(list, 'utf8')) as Lock;
  edit(lock);
  writeFileSync(list, JSON.stringify(lock));
}

test('what npm ci has installed is not installed again', (t) => {
  assert.equal(like(t).missing(), '');
});

test('an installation that did not come to its end counts as none', (t) => {
  const { missing, list } = like(t);
  rmSync(list);
  assert.equal(missing(), 'all of them\n');
});

test('a package of another version, another digest, or gone, is missing', (t) => {
  const { missing, list } = like(t);
  change(list, ({ packages }) => {
    (packages['node_modules/zod'] as { version: string }).version = '0.0.1';
    (packages['node_modules/yaml'] as { integrity: string }).integrity = 'sha512-other';
    delete packages['node_modules/commander'];
  });
  assert.equal(missing(), 'commander, yaml, zod\n');
});

test('the prebuilt part of koffi for this machine is not optional', (t) => {
  const { missing, list } = like(t);
  const part = `@koromix/koffi-${process.platform}-${process.arch}`;
  change(list, ({ packages }) => delete packages[`node_modules/${part}`]);
  assert.equal(missing(), `${part}\n`);
});

test('a package that the lockfile does not know is said', (t) => {
  const { missing, list } = like(t);
  change(list, ({ packages }) => {
    packages['node_modules/left-behind'] = { version: '1.0.0', integrity: 'sha512-x' };
  });
  assert.equal(missing(), 'left-behind\n');
});
