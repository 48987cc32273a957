import type { Attack } from '../attack.ts';
import { ATTEMPTS } from '../perl.ts';
import { EVERY_TIER } from '../where.ts';

/** Programs of the host that lend their user or group: su, sudo, mount, crontab, at. The stand-ins lend ones that nobody has. */
export const setId: readonly Attack[] = [
  {
    id: 'd96-set-id-programs',
    line: 96,
    tries: 'runs set-user-ID and set-group-ID programs of the host and asks them who they are',
    control: 'none of them is in the compartment; no_new_privs, and nosuid on every mount besides',
    wall: 'identity',
    tiers: EVERY_TIER,
    positive: 'host-root',
    remains: 'su, sudo, crontab and at themselves: what they could do is what these are lent',
    program: `${ATTEMPTS}${String.raw`
sub told {
  my ($file, @argv) = @_;
  pipe(my $from, my $to) or broken("pipe: $!");
  pipe(my $error, my $failed) or broken("pipe: $!");
  my $pid = fork;
  broken("fork: $!") unless defined $pid;
  if (!$pid) { POSIX::dup2(fileno $to, 1); exec { $file } @argv; syswrite $failed, "exec: $!"; POSIX::_exit(1) }
  close $to; close $failed;
  my ($text, $why) = ('', '');
  1 while sysread $from, $text, 4096, length $text;
  1 while sysread $error, $why, 4096, length $why;
  waitpid $pid, 0;
  chomp $text;
  return ($text, $why);
}
for (['set-uid', '-u', $>], ['set-gid', '-g', 0 + $)]) {
  my ($name, $option, $own) = @$_;
  attempt($name, sub {
    my ($text, $why) = told("$A{host_dir}/open/$name", 'id', $option);
    return $why if $text eq '';
    return $text == $own ? 'it is only itself' : "through: it became $text";
  });
}
none_worked();
`}`,
  },
];
