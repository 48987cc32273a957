import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { projectFiles, read, TOP } from '../tree/sources.ts';

const files = projectFiles();

test('no binary is in the repository', () => {
  const binary = files.filter((path) => readFileSync(join(TOP, path)).includes(0));
  assert.deepEqual(binary, []);
});

test('no file is larger than 256 KiB', () => {
  assert.deepEqual(
    files.filter((path) => statSync(join(TOP, path)).size > 256 * 1024),
    [],
  );
});

test('no file names a path of the machine it was written on', () => {
  const parent = dirname(TOP);
  // A clone right below one of these says nothing about its machine; the clone's own path always does.
  const common = ['/', '/tmp', '/root', '/home', '/opt', '/srv', '/usr/src', '/var/tmp'];
  const places = [`${TOP}/`, ...(common.includes(parent) ? [] : [`${parent}/`])];
  // "/a/b/" is not named by "/x/a/b/".
  const named = (text: string, place: string): boolean =>
    new RegExp(`(?<![\\w./-])${place.replace(/[^\w/]/g, '\\$&')}`).test(text);
  const naming = files.filter((path) => places.some((place) => named(read(path), place)));
  assert.deepEqual(naming, []);
});

test('no file names the home folder of a user of this machine', () => {
  const homes = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':')[5] ?? '')
    .filter((home) => /^\/(home|Users)\/./.test(home));
  const naming = files.filter((path) => homes.some((home) => read(path).includes(`${home}/`)));
  assert.deepEqual(naming, []);
});

test('what is started by path can be executed, and says by what', () => {
  for (const path of ['bulkhead', '.ci/run', 'setup/start', 'setup/test', 'setup/npm-packages', 'setup/os-packages']) {
    assert.equal(statSync(join(TOP, path)).mode & 0o111, 0o111, path);
    assert.match(read(path), /^#!\/(bin\/sh|usr\/bin\/env bash)\n/, path);
  }
});
