import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import type { Architecture } from '../../src/tiers/filter/filter.ts';
import { FIRST_FD, TEXTS } from '../../src/tiers/stub/instruction.ts';
import { describeStub, stubFile } from '../../src/tiers/stub/stub.ts';

const HERE: Architecture = process.arch === 'arm64' ? 'aarch64' : 'x86_64';

for (const arch of ['x86_64', 'aarch64'] as const) {
  test(`the stub for ${arch} is the one that was looked at (UPDATE_GOLDEN=1 writes it anew)`, () => {
    const file = new URL(`../golden/stub-${arch}.txt`, import.meta.url);
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, describeStub(arch));
    assert.equal(describeStub(arch), readFileSync(file, 'utf8'));
  });

  test(`the stub for ${arch} is an executable that file(1) and readelf(1) would know`, () => {
    const bytes = stubFile(arch);
    assert.equal(bytes.subarray(0, 4).toString('latin1'), '\x7fELF');
    assert.equal(bytes.readUInt16LE(18), arch === 'x86_64' ? 62 : 183);
    assert.equal(Number(bytes.readBigUInt64LE(64 + 32)), bytes.length, 'all of it is loaded');
    assert.ok(bytes.length < 4096, 'and fits a page');
    assert.ok(describeStub(arch).includes(`${FIRST_FD}`));
  });
}

test('where nothing answers, a stub starts nothing, says so and ends with 126', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bh-stub-'));
  try {
    const stub = join(folder, 'stub');
    writeFileSync(stub, stubFile(HERE));
    chmodSync(stub, 0o111);
    const ran = spawnSync(stub, ['a', 'b'], { encoding: 'utf8' });
    assert.deepEqual([ran.status, ran.stdout, ran.stderr], [126, '', TEXTS.broken]);
    // Every descriptor from 3 to 250 is taken: it gives up before it asks.
    const full = 'for ((i = 3; i <= 250; i++)); do eval "exec $i</dev/null"; done; exec "$0"';
    const taken = spawnSync('/bin/bash', ['-c', full, stub], { encoding: 'utf8' });
    assert.deepEqual([taken.status, taken.stderr], [126, TEXTS.broken]);
    // What stands on a free descriptor is what is tried: an execveat of it is what strace would show.
    assert.equal(execFileSync('/bin/sh', ['-c', `"${stub}" 2>/dev/null; echo $?`], { encoding: 'utf8' }), '126\n');
  } finally {
    removeTree(folder);
  }
});
