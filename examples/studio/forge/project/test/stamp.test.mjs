import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { programThatPrints } from '../elf.mjs';

const stamp = join(import.meta.dirname, '..', 'stamp.mjs');

function inFolder(work) {
  const folder = mkdtempSync('try-'); // below the project: this is where own programs may run
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('a program begins with the four bytes every Linux program begins with', () => {
  assert.equal(programThatPrints('x').subarray(0, 4).toString('latin1'), '\x7fELF');
});

test('a program is small: a few hundred bytes and the text', () => {
  assert.ok(programThatPrints('x'.repeat(1000)).length < 1300);
});

test('the program prints exactly the text, in any script', () => {
  inFolder((folder) => {
    const text = 'Grüße\n注文\n';
    writeFileSync(join(folder, 'text'), text);
    execFileSync(process.execPath, [stamp, join(folder, 'text'), join(folder, 'program')]);
    assert.equal(statSync(join(folder, 'program')).mode & 0o777, 0o755 & ~process.umask());
    assert.equal(execFileSync(`./${join(folder, 'program')}`, { encoding: 'utf8' }), text);
  });
});

test('an empty text makes a program that prints nothing', () => {
  inFolder((folder) => {
    writeFileSync(join(folder, 'program'), programThatPrints(''), { mode: 0o755 });
    assert.equal(execFileSync(`./${join(folder, 'program')}`, { encoding: 'utf8' }), '');
  });
});
