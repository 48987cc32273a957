import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { syscallFilter } from '../../src/tiers/filter/filter.ts';
import { offlineFilter } from '../../src/tiers/filter/offline.ts';

const ARCH = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
/** Takes the filter (hexadecimal) and tries sockets: seccomp(2), prctl(2) PR_SET_NO_NEW_PRIVS. */
const TRY = `use Socket; my $f = pack 'H*', $ARGV[0]; my $x = $ARGV[1] eq 'x86_64';
my $prog = pack 'S x6 P', length($f) / 8, $f;
syscall($x ? 157 : 167, 38, 1, 0, 0, 0) == 0 && syscall($x ? 317 : 277, 1, 0, $prog) == 0 or die "no filter: $!";
for ([inet => 2, 1], [inet6 => 10, 2], [netlink => 16, 3], [packet => 17, 3], [unix => 1, 1]) {
  my ($name, $family, $type) = @$_; print "$name ", socket(my $s, $family, $type, 0) ? 'open' : $! + 0, "\\n";
}
print "pair ", socketpair(my $a, my $b, 1, 1, 0) ? 'open' : 'no', "\\n";
print "ring ", syscall(425, 1, 0) < 0 ? $! + 0 : 'open', "\\n";`;

test('a program with the filter of those who have no network makes sockets of files and nothing else', () => {
  const { stdout, stderr } = spawnSync('perl', ['-e', TRY, offlineFilter(ARCH).toString('hex'), ARCH], {
    encoding: 'utf8',
  });
  assert.equal(stdout, 'inet 13\ninet6 13\nnetlink 13\npacket 13\nunix open\npair open\nring 38\n', stderr);
});

test('it is the filter that does it', () => {
  const other = syscallFilter(ARCH).toString('hex');
  const { stdout } = spawnSync('perl', ['-e', TRY, other, ARCH], { encoding: 'utf8' });
  assert.match(stdout, /^inet open\n/);
});
