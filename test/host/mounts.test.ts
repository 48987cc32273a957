import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { folders } from '../../src/host/hands/folders.ts';
import { mustHoldNoMount } from '../../src/host/mounts.ts';

const skip = process.getuid?.() === 0 ? false : 'mounting needs root';

test('a folder in which something is mounted is not removed: what is mounted would be emptied', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead mounts-'));
  const inside = join(folder, 'a/b c');
  mkdirSync(inside, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'bulkhead-test', inside]);
  try {
    for (const path of [folder, join(folder, 'a'), inside])
      assert.throws(() => mustHoldNoMount(path), { code: 'mount-inside' }, path);
    assert.throws(() => folders.remove({ kind: 'folder', path: folder, mode: '0700', uid: 0, gid: 0 }), {
      code: 'mount-inside',
    });
    assert.doesNotThrow(() => mustHoldNoMount(join(folder, 'a/b')), 'a name that only begins alike');
  } finally {
    execFileSync('umount', [inside]);
    for (const path of [inside, join(folder, 'a'), folder]) rmdirSync(path);
  }
});
