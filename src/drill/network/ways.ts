/** Requests that are tried one after the other, each on a connection of its own: `way(NAME, SOCKET, BYTES)`. A host of the drill answers
 *  with the token what it must never get, with the other one what is granted. `no_way()` ends the attack when none got through. With
 *  `$A{every}`, which only positive controls are given, a success does not end it: the ways that do not work even there are then listed. */
export const WAYS: string = String.raw`
our (@no, @yes);
sub hear_both { my ($fh, $bytes) = @_;
  return '' unless $fh && put($fh, $bytes);
  my $got = hear($fh, qr/\Q$A{token}\E|\Q$A{allow_token}\E/);
  # What is granted is answered too; what hides behind it comes right after.
  $got .= hear($fh, any_token(), 0.2) if $got !~ any_token() && $got =~ /\Q$A{allow_token}\E/;
  return $got }
sub through_by { my ($name) = @_; if ($A{every}) { push @yes, $name; return } done("$name: answered") }
sub way { my ($name, $fh, $bytes) = @_;
  my $got = hear_both($fh, $bytes);
  return through_by($name) if $got =~ any_token();
  my $first = $got =~ /^(HTTP\/1\.[01] \d+)/ ? $1 : $ended;
  if ($got =~ /\Q$A{allow_token}\E/) { push @no, "$name: answered as what is granted"; return }
  if ($got =~ /^HTTP\/1\.[01] [45]/ || $ended =~ /^(?:closed|connect: |read: |write: |socket: |name: )/) { push @no, "$name: $first"; return }
  failed("$name: $ended") }
sub no_way { done(@no ? 'not ' . join('; ', @no) : 'every way') if @yes; refused(join '; ', @no) }
sub ruled { return to_name($A{rules_host}, $A{rules_port}) }
our $R = "$A{rules_host}:$A{rules_port}";
our $K = "$A{keyed_host}:$A{keyed_port}";
sub req { my ($line, @fields) = @_; return join "\r\n", "$line HTTP/1.1", "Host: $R", @fields, 'Connection: close', '', '' }
`;
