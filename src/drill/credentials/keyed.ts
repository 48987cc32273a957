import { text } from '../network/prelude.ts';
import { WAYS } from '../network/ways.ts';

/** What the gateway does with keys, tried with one that the drill lends the agent and that only a host of the drill knows
 *  (src/model/lent-key.ts). Everything goes by the explicit proxy, because the proxy without policy, which stands in the gateway's place in a
 *  control, puts the key in wherever a placeholder stands, whosever it is. */
export const KEYED: string = text(String.raw`${WAYS}
my ($mine, $theirs, $value) = @A{qw(key_stand other_stand key_value)};
sub to_host { my ($host, $line, @fields) = @_; return join "\r\n", "$line HTTP/1.1", "Host: $host", @fields, 'Connection: close', '', '' }
sub to_key { return to_host($K, @_) }
# A connection to a host, by CONNECT: where requests are read, these are too.
sub tunnel { my ($host) = @_; my $fh = proxy() or return undef;
  put($fh, "CONNECT $host HTTP/1.1\r\nHost: $host\r\n\r\n") or return undef;
  my $said = hear($fh, qr/\r\n\r\n/);
  return $said =~ /^HTTP\/1\.[01] 200/ ? $fh : failed("the proxy said: $ended " . substr $said, 0, 60) }
sub keyed { return tunnel($K) }
`);
