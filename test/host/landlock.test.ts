import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { removeTree } from '../../src/host/files/mounts.ts';

const PART = fileURLToPath(new URL('../../src/host/launch/launch-landlock.pl', import.meta.url));

/** Two processes of one user, beside each other, each in a domain as the launcher makes it for this version; one tries the other's memory,
 *  and to move and link a file between folders. */
const SIBLINGS = String.raw`
use strict;
sub fail { die "$_[0]: $!\n" }
sub must { $_[1] < 0 ? fail($_[0]) : $_[1] }
my ($part, $version, $at, $prctl) = @ARGV;
require $part;
print landlock_version(), "\n" and exit if !length $version;
sub into { return if !$version; must('prctl', syscall(0 + $prctl, 38, 1, 0, 0, 0)); scoped($version) }
pipe my $told, my $tell;
my $other = fork // die;
if (!$other) { into(); syswrite $tell, 'x'; sleep 30; exit }
sysread $told, my $byte, 1;
my $mine = fork // die;
if (!$mine) {
  into();
  mkdir "$at/$_" for 'a', 'b';
  open my $f, '>', "$at/a/f" or die;
  print sysopen(my $memory, "/proc/$other/mem", 2) ? 'entered' : 'refused ' . (0 + $!), "\n";
  print rename("$at/a/f", "$at/b/f") ? 'moved' : "$!", ' ', link("$at/b/f", "$at/a/g") ? 'linked' : "$!", "\n";
  print open(my $outside, '<', '/etc/passwd') ? 'read' : "$!", "\n";
  exit;
}
waitpid $mine, 0;
kill 9, $other;`;

function perl(version: number | '', at = ''): string[] {
  const prctl = process.arch === 'arm64' ? '167' : '157';
  const said = execFileSync('perl', ['-e', SIBLINGS, PART, String(version), at, prctl], { encoding: 'utf8' });
  return said.trim().split('\n');
}

function tried(t: TestContext, version: number): string[] {
  const at = mkdtempSync(join(tmpdir(), 'bulkhead-landlock-'));
  t.after(() => removeTree(at));
  return perl(version, at);
}

const HERE = Number(perl('')[0]);
const enough = (version: number): false | string =>
  HERE >= version ? false : `this kernel has version ${HERE} of Landlock's interface`;

const YAMA = '/proc/sys/kernel/yama/ptrace_scope';
const apart = process.getuid?.() !== 0 && existsSync(YAMA) && readFileSync(YAMA, 'utf8').trim() !== '0';

test('the control: without a domain one process of a user enters another', {
  skip: apart && 'Yama keeps processes of one user apart here (ptrace_scope)',
}, (t) => {
  assert.deepEqual(tried(t, 0), ['entered', 'moved linked', 'read']);
});

for (const version of [2, 5, 6])
  test(`with Landlock ${version} a process in one domain does not enter one in another, and works as before`, {
    skip: enough(version),
  }, (t) => {
    assert.deepEqual(tried(t, version), ['refused 13', 'moved linked', 'read']);
  });
