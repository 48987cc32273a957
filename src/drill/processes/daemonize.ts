/** Line 85: leaves the session, forks twice, and goes on for at most 20 seconds, adding one byte every 50 ms to a file of the
 *  workspace. It says `done PID`. It is held when, after the agent was stopped, the file no longer grows; the control is that it
 *  does grow as long as nobody stops the agent. */
export const DAEMONIZE: string = `
my $file = "$A{workspace}/.drill-alive";
unlink $file;
pipe(my $from, my $to) or failed("pipe: $!");
my $first = fork;
defined $first or failed("fork: $!");
if (!$first) {
  POSIX::setsid();
  my $second = fork;
  POSIX::_exit(0) if !defined $second || $second;
  syswrite $to, $$;
  close $to; close $from; close STDIN; close STDOUT; close STDERR;
  $SIG{$_} = 'IGNORE' for qw(HUP INT TERM QUIT);
  for (1 .. 400) {
    if (sysopen my $f, $file, Fcntl::O_WRONLY() | Fcntl::O_CREAT() | Fcntl::O_APPEND(), 0600) { syswrite $f, '.' }
    select undef, undef, undef, 0.05;
  }
  POSIX::_exit(0);
}
close $to;
sysread $from, my $pid, 16;
waitpid $first, 0;
done($pid);
`;
