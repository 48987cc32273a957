import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import { type Architecture, knownCalls, syscallFilter } from '../../src/tiers/filter/filter.ts';

/** Real calls, made by perl's syscall(), once under the filter and once without: an answer that is the same on both sides
 *  proves nothing and is not counted as a refusal. */

const arch: Architecture = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
const known = knownCalls(arch);
const number = new Map(known.map(({ name, nr }) => [name, nr]));
const AS_ROOT = process.getuid?.() === 0 ? false : 'without root the kernel itself refuses most of it';
let dir = '';

before(() => {
  dir = mkdtempSync(join(tmpdir(), 'bh-filter-'));
  writeFileSync(join(dir, 'filter'), syscallFilter(arch));
});
after(() => removeTree(dir));

/** Takes the filter as bubblewrap and the launcher do, then runs its arguments. */
const INSTALL = `
  my ($file, $nnp, $seccomp, @argv) = @ARGV;
  if ($file ne 'none') {
    open(my $in, '<:raw', $file) or die "filter: $!"; local $/; my $filter = <$in>; close $in;
    my $program = pack 'S x6 P', length($filter) / 8, $filter;
    syscall($nnp + 0, 38, 1, 0, 0, 0) == 0 or die "no_new_privs: $!";
    syscall($seccomp + 0, 1, 0, $program) == 0 or die "seccomp: $!";
  }
  exec { $argv[0] } @argv or die "exec: $!";`;

/** One call for each line of arguments, each in a process of its own; prints "result errno" or "signal N". */
const MAKE_CALLS = `
  use POSIX (); $| = 1;
  for my $line (@ARGV) {
    my @call = map { /^s:(.*)/ ? "$1" : $_ + 0 } split /,/, $line;
    my $pid = fork // die;
    if (!$pid) {
      alarm 30; open STDIN, '<', '/dev/null'; $! = 0;
      my $me = $$;
      my $result = syscall(shift @call, @call); my $errno = $! + 0;
      POSIX::_exit(0) if $$ != $me; # the call was a clone, and this is its child
      print $result == -1 ? "errno $errno\\n" : "done\\n";
      POSIX::_exit(0);
    }
    waitpid $pid, 0;
    print 'signal ', $? & 127, "\\n" if $? & 127;
  }`;

function installed(filtered: boolean, argv: readonly string[]): string[] {
  const numbers = [number.get('prctl'), number.get('seccomp')].map(String);
  return ['-e', INSTALL, filtered ? join(dir, 'filter') : 'none', ...numbers, ...argv];
}

function answers(filtered: boolean, calls: readonly string[]): string[] {
  const ran = spawnSync('perl', installed(filtered, ['perl', '-e', MAKE_CALLS, ...calls]), {
    encoding: 'utf8',
    timeout: 120_000,
  });
  assert.equal(ran.stderr, '');
  const lines = ran.stdout.trimEnd().split('\n');
  assert.equal(lines.length, calls.length, ran.stdout);
  return lines;
}

function compare(
  cases: readonly (readonly [string, string, string])[],
): { name: string; with: string; without: string; expected: string }[] {
  const usable = cases.filter(([name]) => number.has(name));
  const calls = usable.map(([name, args]) => `${number.get(name)},${args}`);
  const [inside, outside] = [answers(true, calls), answers(false, calls)];
  return usable.map(([name, args, expected], i) => ({
    name: `${name}(${args})`,
    with: inside[i] ?? '',
    without: outside[i] ?? '',
    expected,
  }));
}

/** Arguments with which a call fails early and changes nothing, where six times 1 would not do. vhangup has none. */
const HARMLESS: Readonly<Record<string, string>> = {
  kexec_file_load: '1,1,1,1,65535',
  kcmp: '0,0,1,1,1',
  migrate_pages: '0,1,1,1',
};

test('every call that is always refused is refused by the filter, and answers otherwise without it', {
  skip: AS_ROOT,
}, (t) => {
  const refused = known.filter(
    ({ name, disposition }) => (disposition === 'EPERM' || disposition === 'ENOSYS') && name !== 'vhangup',
  );
  const cases = refused.map(
    ({ name, disposition }) =>
      [name, HARMLESS[name] ?? '1,1,1,1,1,1', disposition === 'EPERM' ? 'errno 1' : 'errno 38'] as const,
  );
  const results = compare(cases);
  for (const result of results) assert.equal(result.with, result.expected, result.name);
  const unproven = results.filter((result) => result.with === result.without);
  t.diagnostic(
    `${results.length - unproven.length} of ${results.length} refused by the filter alone; the kernel itself answers the same to ${unproven.map(({ name }) => name.replace(/\(.*/, '')).join(' ')}`,
  );
  assert.ok(results.length - unproven.length >= 60, 'too few were told apart: is this run as root?');
});

test('what its arguments decide is decided by them, with the high halves set too', { skip: AS_ROOT }, () => {
  const high = 2 ** 40;
  const file = join(dir, 'plain');
  writeFileSync(file, '');
  const cases: (readonly [string, string, string])[] = [
    ['socket', '17,3,0', 'errno 97'], // AF_PACKET
    ['socket', `${17 + high},3,0`, 'errno 97'],
    ['socket', '2,3,1', 'errno 1'], // AF_INET, SOCK_RAW
    ['socket', `${2 + high},${3 + high},1`, 'errno 1'],
    ['socket', '2,2,1', 'errno 93'], // a ping socket
    ['socket', '2,1,262', 'errno 93'], // MPTCP
    ['socket', '16,3,15', 'errno 93'], // netlink, uevents
    ['ioctl', `0,${0x5412},0`, 'errno 1'],
    ['ioctl', `0,${0x5412 + high},0`, 'errno 1'],
    ['ioctl', `0,${0x541c + high},0`, 'errno 1'],
    ['clone', `${0x10000011},0,0,0,0`, 'errno 1'],
    ['clone', `${0x10000011 + high},0,0,0,0`, 'errno 1'],
    ['fchmodat', `-100,s:${file},${0o4755}`, 'errno 1'],
    ['fchmodat', `-100,s:${file},${0o2755 + high}`, 'errno 1'],
    ['chmod', `s:${file},${0o4755}`, 'errno 1'],
    ['fchmodat2', `-100,s:${file},${0o4755},0`, 'errno 1'],
    ['openat', `-100,s:${dir}/new,${0o101},${0o4755}`, 'errno 1'],
    ['openat', `-100,s:${dir},${0o20200002},${0o4755}`, 'errno 1'], // O_TMPFILE
    ['mknodat', `-100,s:${dir}/null,${0o020666},${(1 << 8) + 3}`, 'errno 1'],
    ['mknodat', `-100,s:${dir}/disk,${0o060666},${8 << 8}`, 'errno 1'],
    ['personality', `${0x0400000}`, 'errno 1'], // READ_IMPLIES_EXEC
    ['prctl', '35,15,1,0,0', 'errno 1'], // PR_SET_MM, PR_SET_MM_MAP_SIZE
    ['seccomp', '1,8,0', 'errno 1'],
  ];
  for (const result of compare(cases)) {
    assert.equal(result.with, result.expected, result.name);
    assert.notEqual(result.without, result.expected, `${result.name} answers the same without the filter`);
  }
});

test('no socket of any other family', (t) => {
  const families = [3, 4, 5, 9, 15, 17, 21, 23, 26, 29, 30, 31, 32, 35, 38, 39, 40, 41, 42, 43, 44, 45];
  const cases = families.flatMap((family) =>
    [1, 2, 3, 5].map((type) => ['socket', `${family},${type},0`, 'errno 97'] as const),
  );
  const results = compare(cases);
  for (const result of results) assert.equal(result.with, result.expected, result.name);
  const proven = results.filter((result) => result.with !== result.without);
  t.diagnostic(
    `${proven.length} of ${results.length} exist in this kernel: ${proven.map(({ name }) => name).join(' ')}`,
  );
});

test('what is allowed is answered as without the filter', () => {
  const cases: (readonly [string, string, string])[] = [
    ['socket', '1,1,0', 'done'],
    ['socket', '2,1,6', 'done'],
    ['socket', `10,${0o2000001},0`, 'done'],
    ['socket', '16,3,0', 'done'],
    ['ioctl', `0,${0x540e},0`, 'errno 25'], // TIOCSCTTY on what is no terminal
    ['setsid', '', 'done'],
    ['openat', `-100,s:${dir}/file,${0o101},${0o644}`, 'done'],
    ['openat', `-100,s:/,0,${0o6777}`, 'done'], // a mode that nobody looks at
    ['mknodat', `-100,s:/absent/fifo,${0o010644},0`, 'errno 2'],
    ['personality', `${0xffffffff}`, 'done'],
    ['prctl', '22,2,1,0,0', 'errno 14'], // PR_SET_SECCOMP with a filter at a bad address
    ['seccomp', '1,0,0', 'errno 14'], // a filter of its own, here with a bad address
    ['pidfd_open', '1,0', 'done'],
    ['getrandom', '0,0,0', 'done'],
    ['landlock_create_ruleset', '0,0,1', 'done'],
  ];
  for (const result of compare(cases)) {
    assert.equal(result.with, result.expected, result.name);
    assert.equal(result.without, result.expected, `${result.name} without the filter`);
  }
});

test('a filter of its own, installed for real, is taken; one with a listener is not', () => {
  const own = `my $allow = pack 'SCCL', 6, 0, 0, 0x7fff0000; my $p = pack 'S x6 P', 1, $allow;
    for my $flags (0, 8) { print syscall(shift(@ARGV) + 0, 1, $flags, $p) < 0 ? 'errno ' . ($! + 0) : 'taken', "\\n" }`;
  const twice = [number.get('seccomp'), number.get('seccomp')].map(String);
  const ran = spawnSync('perl', installed(true, ['perl', '-e', own, ...twice]), { encoding: 'utf8' });
  assert.equal(ran.stdout, 'taken\nerrno 1\n', ran.stderr);
});

/** ELF64 for x86_64, by hand, so that no compiler is needed: one segment at 0x400000, the code after the headers at 0x78. */
function program(code: readonly number[]): Buffer {
  const header = Buffer.alloc(0x78);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(2, 16); // e_type: ET_EXEC
  header.writeUInt16LE(62, 18); // e_machine: EM_X86_64
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(0x400078n, 24); // e_entry
  header.writeBigUInt64LE(64n, 32); // e_phoff
  header.writeUInt16LE(64, 52); // e_ehsize
  header.writeUInt16LE(56, 54); // e_phentsize
  header.writeUInt16LE(1, 56); // e_phnum
  header.writeUInt32LE(1, 64); // p_type: PT_LOAD
  header.writeUInt32LE(5, 68); // p_flags: read, execute
  header.writeBigUInt64LE(0x400000n, 80); // p_vaddr
  header.writeBigUInt64LE(0x400000n, 88); // p_paddr
  header.writeBigUInt64LE(BigInt(0x78 + code.length), 96); // p_filesz
  header.writeBigUInt64LE(BigInt(0x78 + code.length), 104); // p_memsz
  header.writeBigUInt64LE(0x1000n, 112); // p_align
  return Buffer.concat([header, Buffer.from(code)]);
}

/** mov edi, 42; mov eax, 60 (exit); syscall */
const EXIT_42 = [0xbf, 42, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05];
const FOREIGN: readonly (readonly [string, readonly number[]])[] = [
  ['i386: mov eax, 20 (getpid there); int 0x80', [0xb8, 20, 0, 0, 0, 0xcd, 0x80]],
  ['i386: mov eax, 102 (socketcall); int 0x80', [0xb8, 102, 0, 0, 0, 0xcd, 0x80]],
  ['x32: mov eax, 0x40000027 (getpid); syscall', [0xb8, 0x27, 0, 0, 0x40, 0x0f, 0x05]],
  ['x32: mov eax, 0x40000208 (execve); syscall', [0xb8, 0x08, 0x02, 0, 0x40, 0x0f, 0x05]],
];

for (const [name, code] of FOREIGN) {
  test(`${name}: ends the process`, { skip: arch === 'x86_64' ? false : 'x86 machine code' }, () => {
    const file = join(dir, 'foreign');
    writeFileSync(file, program([...code, ...EXIT_42]), { mode: 0o755 });
    const ended = [false, true].map((filtered) => spawnSync('perl', installed(filtered, [file])));
    assert.equal(ended[0]?.status, 42, 'without the filter the program runs to its end');
    assert.equal(ended[1]?.signal, 'SIGSYS');
  });
}
