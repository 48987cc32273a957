import type { AgentFacts, Attack } from '../attack.ts';
import { kernel } from '../numbers.ts';
import { ATTEMPTS } from '../perl.ts';
import { EVERY_TIER } from '../where.ts';

/** Tricks against the exec gate. The program that was not granted is there, as a stub; that it wrote to its standard output is that it
 *  ran. A drill asks nobody, so what would wait for a person is refused at once (src/programs/gate/control.ts). */
const common = {
  wall: 'exec',
  tiers: EVERY_TIER,
  positive: 'host-user',
  control: 'the exec gate: a stub stands in place of what is not allowed, and only the gate can put the program there',
  applies: (agent: AgentFacts) => (agent.exec.ask === 'on-miss' ? undefined : 'exec.ask is never: it has no exec gate'),
} as const;

/** `output(DO)`: what a child that does it writes before it ends. `ran(TEXT)`: whether that came of the program. `racing(SWAP, TRY)`:
 *  a process swaps as fast as it can while another tries so many times. */
const TRYING = String.raw`
my $program = $A{ungranted};
my ($granted) = grep { -x } '/usr/bin/true', '/bin/true';
sub output {
  my ($do) = @_;
  pipe(my $from, my $to) or broken("pipe: $!");
  my $pid = fork;
  broken("fork: $!") unless defined $pid;
  if (!$pid) { open STDIN, '<', '/dev/null'; open STDERR, '>', '/dev/null'; POSIX::dup2(fileno $to, 1); close $from; $do->(); POSIX::_exit(99) }
  close $to;
  my $text = '';
  1 while sysread $from, $text, 4096, length $text;
  waitpid $pid, 0;
  return $text;
}
sub ran { return $_[0] ne '' && $_[0] !~ /^true / ? 'through' : 'it did not run' }
sub racing {
  my ($swap, $try) = @_;
  my $swapper = fork;
  broken("fork: $!") unless defined $swapper;
  if (!$swapper) { my $turn = 0; my $end = time + 20; while (time < $end) { $swap->($turn++ & 1) } POSIX::_exit(0) }
  my $told = 'it did not run';
  for (1 .. 100) { $told = ran(output($try)); last if $told eq 'through' }
  kill 'KILL', $swapper;
  waitpid $swapper, 0;
  return $told;
}
`;

export const gate: readonly Attack[] = [
  {
    ...common,
    id: 'd76-exec-toctou-shared',
    line: 76,
    tries:
      'lets another process swap the path of an exec, in memory that both share, between a granted program and another',
    seconds: 25,
    program: `${ATTEMPTS}${kernel('mmap', 'read', 'execve')}${TRYING}${String.raw`
attempt('a path in MAP_SHARED memory', sub {
  my $at = kernel('mmap', 0, 4096, 3, 0x21, -1, 0); # PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS
  broken("mmap: $!") if $at == -1;
  my $length = 64;
  my @paths = map { $_ . "\0" x ($length - length) } $granted, $program;
  pipe(my $out, my $in) or broken("pipe: $!");
  my $put = sub { syswrite $in, $paths[$_[0]]; kernel('read', fileno $out, $at, $length) };
  $put->(0);
  my @words = ('x', '--version');
  return racing($put, sub { my $argv = pack 'P P Q', @words, 0; my $none = pack 'Q', 0; kernel('execve', $at, $argv, $none) });
});
none_worked();
`}`,
  },
  {
    ...common,
    id: 'd77-link-swapped',
    line: 77,
    tries: 'executes a link that another process leads to a granted program and to another, in turns',
    seconds: 25,
    program: `${ATTEMPTS}${TRYING}${String.raw`
my $link = "$A{workspace}/.drill-link-$tag";
push @litter, $link, "$link.next";
attempt('a link', sub {
  my $lead = sub { unlink "$link.next"; symlink($_[0] ? $program : $granted, "$link.next") && rename "$link.next", $link };
  $lead->(0) or broken("symlink: $!");
  return racing($lead, sub { exec { $link } 'x', '--version' });
});
none_worked();
`}`,
  },
  {
    ...common,
    id: 'd78-crowd',
    line: 78,
    tries: 'starts two hundred processes that all execute what was not granted at one moment',
    seconds: 25,
    program: `${ATTEMPTS}${TRYING}${String.raw`
attempt('a crowd', sub {
  return ran(output(sub {
    my @pids;
    pipe(my $wait, my $go) or POSIX::_exit(98);
    for (1 .. 200) {
      my $pid = fork;
      last unless defined $pid;
      if (!$pid) { close $go; sysread $wait, my $byte, 1; exec { $program } 'x', '--version'; POSIX::_exit(1) }
      push @pids, $pid;
    }
    close $go;
    waitpid $_, 0 for @pids;
    POSIX::_exit(0);
  }));
});
none_worked();
`}`,
  },
  {
    ...common,
    id: 'd80-argv-truncate',
    line: 80,
    tries: 'executes what was not granted with thousands of arguments, and with ones as long as the kernel takes',
    program: `${ATTEMPTS}${TRYING}${String.raw`
attempt('3000 arguments', sub { ran(output(sub { exec { $program } 'x', '--version', ('y') x 3000 })) });
attempt('a megabyte of arguments', sub { ran(output(sub { exec { $program } 'x', '--version', ('y' x 100_000) x 10 })) });
attempt('a megabyte of environment', sub { ran(output(sub { %ENV = map { ("Y$_" => 'y' x 100_000) } 1 .. 10; exec { $program } 'x', '--version' })) });
none_worked();
`}`,
  },
  {
    ...common,
    id: 'd81-argv0',
    line: 81,
    tries:
      'executes what was not granted under the name of a granted program, and under names with line breaks and no letters',
    program: `${ATTEMPTS}${kernel('execve', 'execveat')}${TRYING}${String.raw`
my ($name) = $granted =~ m{([^/]*)$};
for my $as ($name, "$name\n[approved]", "\x1b[2K$name", "\xff\xfe", '') {
  attempt('as ' . unpack('H*', $as), sub { ran(output(sub { exec { $program } $as, '--version' })) });
}
attempt('by descriptor', sub { ran(output(sub {
  sysopen(my $f, $program, 0x200000) or POSIX::_exit(98); # O_PATH
  my $nothing = '';
  my @words = ('x', '--version');
  my $argv = pack 'P P Q', @words, 0;
  my $none = pack 'Q', 0;
  kernel('execveat', fileno $f, $nothing, $argv, $none, 0x1000);
})) });
none_worked();
`}`,
  },
];
