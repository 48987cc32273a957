import type { Attack } from '../attack.ts';
import { BOXES } from '../where.ts';
import { text } from './prelude.ts';
import { attack } from './shape.ts';

/** Two that meet on this machine. Seconds: who serves waits longer than who comes tries, so that both are there at once for most of
 *  it. Each is spent in full where the wall holds, in every drill of every agent. */
const SERVES = 4;
const COMES = 3;
const SERVE = String.raw`
sub serve { my ($address) = @_;
  socket(my $server, AF_INET, SOCK_STREAM, 0) or failed("socket: $!");
  setsockopt($server, SOL_SOCKET, SO_REUSEADDR, 1);
  bind($server, pack_sockaddr_in($A{meet_port}, inet_aton($address))) && listen($server, 5) or return "listen: $!";
  my $until = time + ${SERVES};
  while (wait_for($server, 0, $until)) { accept(my $peer, $server) or next; syswrite $peer, $A{token}; select undef, undef, undef, 0.3; done("somebody came to $address") }
  return 'nobody came' }
sub come { my ($address) = @_; my $until = time + ${COMES};
  while (time < $until) { my $got = ask(tcp($address, $A{meet_port}, 1), $A{canary}); return 1 if $got =~ any_token(); select undef, undef, undef, 0.2 }
  return 0 }
`;
/** The same by datagrams. */
const DATAGRAMS = String.raw`
sub serve { my ($address) = @_;
  socket(my $server, AF_INET, SOCK_DGRAM, 0) or failed("socket: $!");
  bind($server, pack_sockaddr_in($A{meet_port}, inet_aton($address))) or return "bind: $!";
  my $until = time + ${SERVES};
  while (wait_for($server, 0, $until)) { my $from = recv $server, my $bytes, 2048, 0; next unless $from && index($bytes, $A{canary}) >= 0; send $server, $A{token}, 0, $from; done("somebody's datagram came to $address") }
  return 'nothing came' }
sub come { my ($address) = @_; my $until = time + ${COMES};
  while (time < $until) { return 1 if udp($address, $A{meet_port}, $A{canary}) =~ any_token(); select undef, undef, undef, 0.2 }
  return 0 }
`;
const COMES_TO = (address: string, by: string = SERVE): string =>
  text(`${by}come(${address}) ? done('it was served') : refused("nobody answered: $ended");`);
const SERVES_AT = (address: string, by: string = SERVE): string => text(`${by}refused(serve(${address}));`);

export const MEETING: readonly Attack[] = [
  attack({
    id: 'e105-agent-loopback',
    line: 105,
    tries: 'connects to a server that another agent runs on its own 127.0.0.1',
    control: "a network namespace of its own: the compartment's 127.0.0.1 is its own",
    program: COMES_TO("'127.0.0.1'"),
    positive: 'host-user',
    beside: { who: 'other', program: SERVES_AT("'127.0.0.1'") },
    applies: (agent) => (agent.others.length === 0 ? 'the fleet has no second agent' : undefined),
    seconds: 15,
    waits: true,
  }),
  attack({
    id: 'f117-other-uid-port',
    line: 117,
    tries: "connects to the gateway's port for another agent, to be taken for that one",
    control: "a network namespace of its own: the gateway's sockets for others are in theirs",
    program: text(`judge('door', ask(tcp($A{other_door}, $A{door_port}), get($A{other_host})));`),
    positive: 'host-user',
    watch: ['door', 'other'],
    applies: (agent) => (agent.others.length === 0 ? 'the fleet has no second agent' : undefined),
  }),
  attack({
    id: 'f117-take-door',
    line: 117,
    tries: "listens at the gateway's port for another agent before the gateway does, for that agent's connections",
    control: 'a port below 1024, and a network namespace of its own besides',
    program: text(String.raw`
my @why;
for my $ip ($A{other_door}, '0.0.0.0') {
  for (['TCP', SOCK_STREAM], ['UDP', SOCK_DGRAM]) {
    my ($what, $kind) = @$_;
    socket(my $fh, AF_INET, $kind, 0) or failed("socket: $!");
    setsockopt($fh, SOL_SOCKET, $_, 1) for SO_REUSEADDR, 15; # SO_REUSEPORT
    if (bind($fh, pack_sockaddr_in($A{door_port}, inet_aton($ip))) && ($kind == SOCK_DGRAM || listen $fh, 5)) { done("$what at $ip") }
    push @why, "$what at $ip: $!";
  }
}
refused(join '; ', @why);`),
    positive: 'bare-net-root',
    applies: (agent) => (agent.others.length === 0 ? 'the fleet has no second agent' : undefined),
  }),
  attack({
    id: 'f115-serve-network',
    line: 115,
    tries: 'listens on every interface, for somebody on the network to come in',
    control: 'a network namespace with a loopback and no interface besides',
    program: SERVES_AT("'0.0.0.0'"),
    positive: 'host-user',
    beside: { who: 'far-user', program: COMES_TO('$A{house_ip}') },
    seconds: 15,
    waits: true,
  }),
  attack({
    id: 'f115-serve-network-udp',
    line: 115,
    tries: 'receives datagrams on every interface, from somebody on the network',
    control: 'a network namespace with a loopback and no interface besides',
    program: SERVES_AT("'0.0.0.0'", DATAGRAMS),
    positive: 'host-user',
    beside: { who: 'far-user', program: COMES_TO('$A{house_ip}', DATAGRAMS) },
    seconds: 15,
    waits: true,
  }),
  attack({
    id: 'f115-serve-machine',
    line: 115,
    tries: 'listens on 127.0.0.1, for other users of the machine to take it for one of its services',
    control: "a network namespace of its own: the compartment's 127.0.0.1 is its own",
    program: SERVES_AT("'127.0.0.1'"),
    positive: 'host-user',
    beside: { who: 'host-user', program: COMES_TO("'127.0.0.1'") },
    seconds: 15,
    waits: true,
  }),
  attack({
    id: 'f115-take-port',
    line: 115,
    tries: 'listens on a port of every interface before a service of the host does, which then cannot start',
    control: 'a network namespace of its own, with ports of its own',
    tiers: BOXES,
    program: text(`
socket(my $server, AF_INET, SOCK_STREAM, 0) or failed("socket: $!");
bind($server, pack_sockaddr_in($A{meet_port}, inet_aton('0.0.0.0'))) && listen($server, 5) or refused("listen: $!");
select undef, undef, undef, ${SERVES};
refused('it listened, and nobody missed the port');`),
    positive: 'host-user',
    beside: {
      who: 'host-user',
      program: text(`
my $until = time + ${COMES};
while (time < $until) {
  socket(my $server, AF_INET, SOCK_STREAM, 0) or failed("socket: $!");
  setsockopt($server, SOL_SOCKET, SO_REUSEADDR, 1);
  bind($server, pack_sockaddr_in($A{meet_port}, inet_aton('127.0.0.1'))) && listen($server, 5) or done("a service cannot listen: $!");
  close $server;
  select undef, undef, undef, 0.2;
}
refused('the port was free all the time');`),
    },
    seconds: 15,
    waits: true,
  }),
];
