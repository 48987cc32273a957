# Runs a text of the drill where the wall it attacks is absent: the positive control. The same names stand as in mode `script`
# of the launcher (%A, Socket, POSIX, Fcntl, Errno), and the same lines come in: `set NAME HEX`, `text HEX`, tab-separated.
use strict;
use warnings;
use Socket;
use POSIX ();
use Fcntl;
use Errno;

my (%A, $program);
while (my $line = <STDIN>) {
  chomp $line;
  my ($order, @fields) = split /\t/, $line, -1;
  if ($order eq 'set') { $A{$fields[0]} = pack 'H*', $fields[1] // '' }
  elsif ($order eq 'text') { $program = pack 'H*', $fields[0] }
}
$| = 1;
local $SIG{__WARN__} = sub { };
my $ok = eval "no strict; no warnings; $program; 1";
print "error $@\n" unless $ok;
