/** Perl that several attacks share. Each piece stands before the text that uses it. */

/** `attempt(NAME, sub {...})` runs one way to try it in a child of its own, so that a way that is answered with death does not
 *  end the others. The sub returns text that begins with `through` when the effect happened, why not otherwise, or dies of
 *  `broken(WHY)` when it could not be tried. The child has no way to our output, so whoever gets into it cannot speak for us; one
 *  that is killed proves nothing, but where the third argument says that this is how the wall holds. `none_worked()` ends the
 *  attack when no attempt got through; its argument is that of `refused`. `@litter` holds files to remove before the end. With `$A{every}`, which only positive
 *  controls are given, a success does not end it: the ways that do not work even there are then listed. */
export const ATTEMPTS: string = `
our (@no, @yes, @litter);
sub broken { die "broken $_[0]\\n" }
sub apart {
  my ($do) = @_;
  pipe(my $from, my $to) or failed("pipe: $!");
  my $pid = fork;
  failed("fork: $!") unless defined $pid;
  if (!$pid) {
    close $from;
    sysopen(my $nothing, '/dev/null', Fcntl::O_RDWR()) and POSIX::dup2(fileno $nothing, 1) or POSIX::_exit(99);
    my $told = eval { $do->() };
    $told = "died: $@" unless defined $told;
    syswrite $to, $told;
    POSIX::_exit(0);
  }
  close $to;
  my $text = '';
  1 while sysread $from, $text, 4096, length $text;
  waitpid $pid, 0;
  return ($text, $?);
}
sub attempt {
  my ($name, $do, $killed_is_held) = @_;
  my ($text, $status) = apart($do);
  my $signal = $status & 127;
  if ($text =~ /^through/) { if ($A{every}) { push @yes, $name; return } unlink @litter; done("$name: $text") }
  my $why = $text =~ /^died: (broken .*)/ ? $1 : $signal == 9 && !$killed_is_held ? 'its process was killed' : $status >> 8 ? 'it did not start' : '';
  if ($why ne '') { unlink @litter; failed("$name: $why") }
  push @no, "$name: " . ($signal ? "killed by signal $signal" : $text);
}
sub none_worked {
  my ($starved_is_held) = @_;
  unlink @litter;
  done(@no ? 'not ' . join('; ', @no) : 'every way') if @yes;
  refused(@no ? join('; ', @no) : 'there was nothing to try', $starved_is_held);
}
`;

/** `reaches(PATH)`: PATH can be read and holds the canary. `slurp(PATH)`: its first 64 KiB, or undef with $!. */
export const READING: string = `
sub slurp {
  my ($path) = @_;
  sysopen(my $f, $path, Fcntl::O_RDONLY() | Fcntl::O_NONBLOCK()) or return undef;
  my $text = '';
  defined sysread($f, $text, 65536) or return undef;
  return $text;
}
sub reaches { my $text = slurp($_[0]); return defined $text && index($text, $A{canary}) >= 0 }
`;

/** `foreign_program()`: the bytes of a program that is on no list: it ends with status 42. An ELF shared object that is its own
 *  entry (elf(5)), so it can be executed, given to ld.so, or preloaded. Both segments are writable because older C libraries
 *  relocate the dynamic section in place. `plant(PATH)` writes it there. `seal(PATH)` is what changes with every change to a file,
 *  by whomever (ctime, which nobody can set). `runs(FILE, ARGV)` starts it. */
export const PROGRAM: string = String.raw`
sub foreign_program {
  my $arm = $A{arch} eq 'aarch64';
  my $code = $arm ? pack('L<3', 0xd2800540, 0xd2800bc8, 0xd4000001) : pack('H*', 'bf2a000000b8e70000000f05');
  my $file = pack('a4C3x9', "\x7fELF", 2, 1, 1)
    . pack('S<S<L<Q<3L<S<6', 3, $arm ? 183 : 62, 1, 176, 64, 0, 0, 64, 56, 2, 64, 0, 0)
    . pack('L<2Q<6', 1, 7, 0, 0, 0, 344, 344, 4096)
    . pack('L<2Q<6', 2, 6, 192, 192, 192, 112, 112, 8)
    . $code . "\0" x (16 - length $code)
    . pack('Q<14', 1, 1, 5, 304, 6, 320, 10, 11, 11, 24, 12, 176, 0, 0)
    . "\0libc.so.6";
  return $file . "\0" x (344 - length $file);
}
sub plant {
  my ($path, $bytes, $mode) = @_;
  sysopen(my $f, $path, Fcntl::O_WRONLY() | Fcntl::O_CREAT() | Fcntl::O_EXCL(), $mode) or broken("create $path: $!");
  my $wrote = syswrite $f, $bytes;
  defined $wrote && $wrote == length $bytes or broken("write $path: $!");
  close $f;
}
sub seal {
  my ($path) = @_;
  my @s = lstat $path or return 'gone';
  sysopen my $f, $path, Fcntl::O_RDONLY() | Fcntl::O_NONBLOCK() or return "closed: $!";
  my $b = "\0" x 256;
  syscall($A{arch} eq 'aarch64' ? 80 : 5, fileno $f, $b) == 0 or return "no stat: $!"; # fstat(2): st_ctime at byte 104 on both
  return join ' ', @s[0, 1, 2, 3, 7], unpack 'x104 q2', $b;
}
sub runs {
  my ($file, @argv) = @_;
  my $pid = fork;
  broken("fork: $!") unless defined $pid;
  if (!$pid) { open STDOUT, '>', '/dev/null'; open STDERR, '>', '/dev/null'; exec { $file } @argv; POSIX::_exit($! & 127 || 1) }
  waitpid $pid, 0;
  broken('what was started was killed') if ($? & 127) == 9;
  return $? == 42 << 8 ? 'through' : 'ended with ' . ($? & 127 ? 'signal ' . ($? & 127) : ($? >> 8));
}
our @loaders = ('/lib64/ld-linux-x86-64.so.2', '/lib/ld-linux-aarch64.so.1', '/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2', '/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1');
`;

/** Services of the host behind a Unix socket, each under its well-known path and where the drill's neighbour has a stand-in
 *  that anybody may connect to. Reached is connected: nothing is ever said to a service. */
export const CONNECTING: string = String.raw`
my @no;
sub try_path {
  my ($path) = @_;
  for my $type (Socket::SOCK_STREAM(), Socket::SOCK_DGRAM(), Socket::SOCK_SEQPACKET()) {
    socket(my $s, Socket::PF_UNIX(), $type, 0) or next;
    next if length $path > 107;
    done("connected to $path") if connect $s, Socket::pack_sockaddr_un($path);
    push @no, "$path: $!" if $! != 2;
  }
}
sub try_all {
  for my $path (@_) { try_path("$A{sockets_dir}$path"); try_path($path) }
  refused(@no ? join('; ', @no) : 'none of ' . 2 * @_ . ' paths is there');
}
sub below { my ($dir) = @_; opendir my $d, $dir or return (); return map { "$dir/$_" } grep { !/^\.\.?$/ } readdir $d }
`;
