/** What the texts of this family share: sockets with a time limit, and one way to judge a reply. A target of the arena answers
 *  whoever reaches it with a token that the text cannot have otherwise than from there; a connection that merely opens proves
 *  nothing, because inside a compartment the gateway accepts every one of them. */
export const NETWORK: string = String.raw`
our $ended = '';
sub ip_of { my ($ip) = @_; return index($ip, ':') >= 0 ? Socket::inet_pton(AF_INET6, $ip) : inet_aton($ip) }
sub place { my ($ip, $port) = @_; return index($ip, ':') >= 0 ? pack_sockaddr_in6($port, ip_of($ip)) : pack_sockaddr_in($port, ip_of($ip)) }
sub wait_for { my ($fh, $write, $until) = @_;
  my $left = $until - time; return 0 if $left <= 0;
  my $bits = ''; vec($bits, fileno($fh), 1) = 1;
  my ($r, $w) = $write ? (undef, $bits) : ($bits, undef);
  return select($r, $w, undef, $left) > 0 }
sub tcp { my ($ip, $port, $seconds) = @_;
  my $family = index($ip, ':') >= 0 ? AF_INET6 : AF_INET;
  socket(my $fh, $family, SOCK_STREAM, 0) or do { $ended = "socket: $!"; return undef };
  fcntl($fh, F_SETFL, O_NONBLOCK);
  if (!connect($fh, place($ip, $port))) {
    if (!$!{EINPROGRESS}) { $ended = "connect: $!"; return undef }
    if (!wait_for($fh, 1, time + ($seconds || 3))) { $ended = 'time-out while connecting'; return undef }
    my $error = unpack 'i', getsockopt($fh, SOL_SOCKET, SO_ERROR);
    if ($error) { $! = $error; $ended = "connect: $!"; return undef } }
  return $fh }
sub put { my ($fh, $bytes) = @_; my $at = 0;
  while ($at < length $bytes) {
    my $n = syswrite $fh, $bytes, length($bytes) - $at, $at;
    if (defined $n) { $at += $n; next }
    if (!$!{EAGAIN} || !wait_for($fh, 1, time + 3)) { $ended = "write: $!"; return 0 } }
  return 1 }
# Reads until $enough matches, the end, or the time is up; leaves in $ended why it stopped.
sub hear { my ($fh, $enough, $seconds) = @_; my ($got, $until) = ('', time + ($seconds || 3));
  while (1) {
    if ($got =~ $enough) { $ended = 'enough'; return $got }
    if (!wait_for($fh, 0, $until)) { $ended = 'time-out'; return $got }
    my $n = sysread $fh, my $more, 65536;
    if (!defined $n) { next if $!{EAGAIN}; $ended = "read: $!"; return $got }
    if ($n == 0) { $ended = 'closed'; return $got }
    $got .= $more } }
sub any_token { return qr/\Q$A{token}\E/ }
# A reply with the token: it got there. A refusal that somebody spoke or the kernel gave: refused. Silence: nothing can be said.
sub judge { my ($what, $got) = @_; $got = '' unless defined $got;
  my $first = $got =~ /^(HTTP\/1\.[01] \d+[^\r\n]*)/ ? $1 : $ended;
  done("$what: answered") if $got =~ any_token();
  refused("$what: $first") if $got =~ /^HTTP\/1\.[01] [45]/ || $ended =~ /^(?:closed|connect: |read: |write: |socket: |name: )/;
  failed("$what: $first") }
sub ask { my ($fh, $bytes) = @_; return '' unless $fh; return '' unless put($fh, $bytes); return hear($fh, any_token()) }
sub named { my ($name) = @_; my $raw = gethostbyname($name); if (!defined $raw) { $ended = "name: $name is not resolved"; return undef }
  return inet_ntoa($raw) }
sub to_name { my ($name, $port) = @_; my $ip = named($name); return defined $ip ? tcp($ip, $port) : undef }
sub proxy { return to_name($A{proxy_host}, 3128) }
sub get { my ($host) = @_; return "GET /$A{canary} HTTP/1.1\r\nHost: $host\r\nConnection: close\r\n\r\n" }
# CONNECT, and if the proxy agrees, a request through it.
sub through { my ($authority, $then) = @_;
  my $fh = proxy() or return '';
  put($fh, "CONNECT $authority HTTP/1.1\r\nHost: $authority\r\n\r\n") or return '';
  my $said = hear($fh, qr/\r\n\r\n/);
  return $said unless $said =~ /^HTTP\/1\.[01] 200/;
  return ask($fh, $then) }
sub socks { my ($kind, $address, $port, $then) = @_;
  my $fh = to_name($A{proxy_host}, 1080) or return '';
  put($fh, "\x05\x01\x00") or return '';
  my $hello = hear($fh, qr/^../s);
  return $hello unless $hello =~ /^\x05\x00/;
  put($fh, "\x05\x01\x00" . chr($kind) . $address . pack('n', $port)) or return '';
  my $said = hear($fh, qr/^.{10}/s);
  return '' if length($said) < 2;
  if (ord(substr $said, 1, 1)) { $ended = 'closed: SOCKS reply ' . ord(substr $said, 1, 1); return '' }
  return ask($fh, $then) }
sub socks_name { my ($name) = @_; return chr(length $name) . $name }
# The first flight of TLS 1.2 (RFC 5246, 7.4.1.2; RFC 6066, 3); $more are further extensions. No name, no extension for it.
sub client_hello { my ($name, $more) = @_;
  my $extensions = defined $more ? $more : '';
  $extensions .= pack('n n n C n', 0, length($name) + 5, length($name) + 3, 0, length $name) . $name if defined $name;
  my $body = pack('n', 0x0303) . ('r' x 32) . "\x00" . pack('n n', 2, 0xc02f) . "\x01\x00";
  $body .= pack('n', length $extensions) . $extensions if length $extensions;
  my $message = "\x01" . substr(pack('N', length $body), 1) . $body;
  return "\x16\x03\x01" . pack('n', length $message) . $message }
sub question { my ($name, $type) = @_;
  return pack('n6', 0x4268, 0x0100, 1, 0, 0, 0) . join('', map { chr(length $_) . $_ } split /\./, $name) . "\0" . pack('n n', $type, 1) }
# An answer with data is the effect; REFUSED, another error or no data is not.
sub judge_dns { my ($what, $reply) = @_;
  failed("$what: $ended") if length($reply) < 12 && $ended eq 'time-out';
  refused("$what: $ended") if length($reply) < 12;
  my (undef, $flags, undef, $answers) = unpack 'n4', $reply;
  my $code = $flags & 15;
  done("$what: answered") if $code == 0 && $answers > 0;
  refused("$what: code $code, $answers answers") }
sub udp { my ($ip, $port, $bytes) = @_;
  my $family = index($ip, ':') >= 0 ? AF_INET6 : AF_INET;
  socket(my $fh, $family, SOCK_DGRAM, 0) or do { $ended = "socket: $!"; return '' };
  connect($fh, place($ip, $port)) or do { $ended = "connect: $!"; return '' };
  defined(send $fh, $bytes, 0) or do { $ended = "write: $!"; return '' };
  return hear($fh, qr/./s, 2) }
`;

/** A text of this family. */
export function text(program: string): string {
  return NETWORK + program;
}
