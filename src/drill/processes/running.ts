import type { Attack } from '../attack.ts';
import { ATTEMPTS, PROGRAM } from '../perl.ts';
import { EVERY_TIER } from '../where.ts';

/** Tier `user` where nothing is asked. */
const EVERY_PROGRAM = 'every program of the host can be started but those that are denied by name (exec.ask: never)';

/** Running what the agent wrote. Where the workspace was granted for that (exec.own) it is not among `noexec_dirs`. */
const common = { wall: 'exec', tiers: EVERY_TIER, positive: 'host-user' } as const;
const EACH_DIR = `
sub in_each {
  my ($what, $bytes, $mode, $do) = @_;
  for my $dir (split /:/, $A{noexec_dirs}) {
    my $path = "$dir/.drill-program-$tag";
    attempt("$what in $dir", sub {
      plant($path, $bytes, $mode);
      my $before = seal($path);
      my $told = eval { $do->($path, $dir) } // $@;
      my $after = seal($path);
      unlink $path;
      broken("somebody changed $path meanwhile") if $told !~ /^through/ && $before ne $after;
      die $told if $told =~ /^broken /;
      return $told;
    });
  }
  none_worked();
}
`;

export const running: readonly Attack[] = [
  {
    ...common,
    id: 'd68-copied-program',
    line: 68,
    tries: 'writes a program into each folder it can write to and runs it',
    control: 'noexec on every writable mount',
    program: `${ATTEMPTS}${PROGRAM}${EACH_DIR}in_each('a program', foreign_program(), 0755, sub { runs($_[0], 'wget') });`,
  },
  {
    ...common,
    id: 'd73-shebang',
    line: 73,
    tries: 'writes a script with an interpreter line and runs it by its path',
    control: 'noexec on every writable mount; the script as an argument of a granted interpreter is that interpreter',
    program: `${ATTEMPTS}${PROGRAM}${EACH_DIR}in_each('a script', "#!/bin/sh\\nexit 42\\n", 0755, sub { runs($_[0], 'x') });`,
  },
  {
    ...common,
    id: 'd72-path-hijack',
    line: 72,
    tries: 'puts a program of its own first in PATH, under the name of a granted one',
    control: 'noexec on every writable mount',
    program: `${ATTEMPTS}${PROGRAM}
for my $dir (split /:/, $A{noexec_dirs}) {
  attempt("ls in $dir", sub {
    mkdir "$dir/.drill-bin-$tag", 0755 or broken("mkdir: $!");
    plant("$dir/.drill-bin-$tag/ls", foreign_program(), 0755);
    my $before = seal("$dir/.drill-bin-$tag/ls");
    local $ENV{PATH} = "$dir/.drill-bin-$tag:/usr/bin:/bin";
    my $told = runs('ls', 'ls', '/');
    my $after = seal("$dir/.drill-bin-$tag/ls");
    unlink "$dir/.drill-bin-$tag/ls";
    rmdir "$dir/.drill-bin-$tag";
    broken("somebody changed $dir/.drill-bin-$tag/ls meanwhile") if $told !~ /^through/ && $before ne $after;
    return $told;
  });
}
none_worked();
`,
  },
  {
    ...common,
    id: 'd67-ld-so-exec',
    line: 67,
    tries: 'gives a program it wrote, without the x bit, to the dynamic loader',
    control: 'noexec on every writable mount: the loader may not map it as code',
    program: `${ATTEMPTS}${PROGRAM}${EACH_DIR}
in_each('for ld.so', foreign_program(), 0644, sub {
  my @told;
  for my $loader (grep { -e } @loaders) { my $told = runs($loader, 'ld.so', $_[0]); return "$told: $loader" if $told eq 'through'; push @told, "$loader $told" }
  return @told ? join(', ', @told) : 'no loader here';
});
`,
  },
  {
    ...common,
    id: 'd71-preload',
    line: 71,
    tries: 'has a library of its own loaded into a granted program by LD_PRELOAD, LD_AUDIT and LD_LIBRARY_PATH',
    control: 'noexec on every writable mount: the loader may not map it as code',
    remains:
      'the names that ask an interpreter to load code (PERL5OPT, NODE_OPTIONS, BASH_ENV): they start no program, and the exec gate judges envp from step 3',
    program: `${ATTEMPTS}${PROGRAM}${EACH_DIR}
in_each('a library', foreign_program(), 0644, sub {
  my ($path, $dir) = @_;
  my @told;
  for my $name ('LD_PRELOAD', 'LD_AUDIT') {
    for my $program (grep { -e } '/bin/true', '/usr/bin/true', '/bin/ls', '/usr/bin/env', '/bin/sh') {
      local $ENV{$name} = $path;
      my $told = runs($program, $program, $program =~ /sh$/ ? ('-c', ':') : ());
      return "$told: $name for $program" if $told eq 'through';
      push @told, "$name $program $told";
    }
  }
  return join ', ', @told;
});
`,
  },
  {
    ...common,
    id: 'd71-map-as-code',
    line: 71,
    tries: 'maps a file it wrote as code, at once and by mprotect, as dlopen does',
    control: 'noexec on every writable mount',
    program: `${ATTEMPTS}${PROGRAM}our %nr = $A{arch} eq 'aarch64' ? (mmap => 222, mprotect => 226) : (mmap => 9, mprotect => 10);${EACH_DIR}
in_each('a library', foreign_program(), 0644, sub {
  sysopen my $f, $_[0], 0 or return "open: $!";
  my $at = syscall($nr{mmap}, 0, 4096, 5, 2, fileno $f, 0); # PROT_READ|PROT_EXEC, MAP_PRIVATE
  return 'through: mapped' if $at > 0 || $at < -4096;
  my $why = "mmap: $!";
  $at = syscall($nr{mmap}, 0, 4096, 1, 2, fileno $f, 0);
  return "through: mprotect" if $at != -1 && syscall($nr{mprotect}, $at, 4096, 5) == 0;
  return "$why, mprotect: $!";
});
`,
  },
  {
    ...common,
    tiers: EVERY_TIER,
    applies: ({ tier, exec }) =>
      tier === 'user' && exec.ask === 'never' ? `tier user does not hold it: ${EVERY_PROGRAM}` : undefined,
    id: 'd69-ungranted-program',
    line: 69,
    tries: 'runs a program of the host that was not granted: itself, through a shell, and through the dynamic loader',
    control: 'the program is not in the compartment',
    remains:
      'what a granted interpreter computes by itself: no wall confines that, `map` says code: any; the walls decide what it can touch',
    program: `${ATTEMPTS}${PROGRAM}
my $program = $A{ungranted};
sub works { my $pid = fork; broken("fork: $!") unless defined $pid;
  if (!$pid) { open STDOUT, '>', '/dev/null'; open STDERR, '>', '/dev/null'; exec { $_[0] } @_; POSIX::_exit($! & 127 || 1) }
  waitpid $pid, 0; broken('it was killed') if ($? & 127) == 9; return $? == 0 ? 'through' : 'ended with ' . ($? >> 8) }
attempt('itself', sub { works($program, '--version') });
attempt('by a shell', sub { works('/bin/sh', '-c', "exec $program --version") });
attempt('by env', sub { works('/usr/bin/env', $program, '--version') });
attempt("by $_", sub { works($_, $program, '--version') }) for grep { -e } @loaders;
attempt('under /proc/self/root', sub { works("/proc/self/root$program", '--version') });
none_worked();
`,
  },
];
