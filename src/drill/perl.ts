/** Perl that several attacks share. Each piece stands before the text that uses it. */

/** `attempt(NAME, sub {...})` runs one way to try it in a child of its own, so that a way that is answered with death does not
 *  end the others. The sub returns text that begins with `through` when the effect happened, and why not otherwise.
 *  `none_worked()` ends the attack when no attempt got through. `@litter` holds files to remove before the end. With `$A{every}`,
 *  which only positive controls are given, a success does not end it: the ways that do not work even there are then listed. */
export const ATTEMPTS: string = `
our (@no, @yes, @litter);
sub apart {
  my ($do) = @_;
  pipe(my $from, my $to) or return ("pipe: $!", 0);
  my $pid = fork;
  return ("fork: $!", 0) unless defined $pid;
  if (!$pid) {
    close $from;
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
  my ($name, $do) = @_;
  my ($text, $status) = apart($do);
  if ($text =~ /^through/) { if ($A{every}) { push @yes, $name } else { unlink @litter; done("$name: $text") } }
  else { push @no, "$name: " . ($status & 127 ? 'killed by signal ' . ($status & 127) : $text) }
}
sub none_worked {
  unlink @litter;
  done(@no ? 'not ' . join('; ', @no) : 'every way') if @yes;
  refused(@no ? join('; ', @no) : 'there was nothing to try');
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
 *  relocate the dynamic section in place. `plant(PATH)` writes it there. */
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
  sysopen(my $f, $path, Fcntl::O_WRONLY() | Fcntl::O_CREAT() | Fcntl::O_EXCL(), $mode) or return 0;
  my $wrote = syswrite $f, $bytes;
  close $f;
  return defined $wrote && $wrote == length $bytes;
}
sub runs {
  my ($file, @argv) = @_;
  my $pid = fork;
  return "fork: $!" unless defined $pid;
  if (!$pid) { open STDOUT, '>', '/dev/null'; open STDERR, '>', '/dev/null'; exec { $file } @argv; POSIX::_exit($! & 127 || 1) }
  waitpid $pid, 0;
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
  for my $path (@_) { try_path("$A{host_dir}$path"); try_path($path) }
  refused(@no ? join('; ', @no) : 'none of ' . 2 * @_ . ' paths is there');
}
sub below { my ($dir) = @_; opendir my $d, $dir or return (); return map { "$dir/$_" } grep { !/^\.\.?$/ } readdir $d }
`;
