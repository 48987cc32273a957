import type { Attack } from '../attack.ts';
import { text } from './prelude.ts';
import { attack } from './shape.ts';

const OWN_ADDRESS =
  'all TCP but loopback is caught before it reaches a socket of the compartment, all UDP is rejected but to ports 53 and 123, which are ours';

/** Whatever is near: the machine's own services, other agents, leftovers. */
export const LOCAL: readonly Attack[] = [
  attack({
    id: 'a06-system-resolver-ipc',
    line: 6,
    tries: "asks the machine's resolver over its local sockets (systemd-resolved, nscd, D-Bus, avahi)",
    control: "the machine's sockets are not in the compartment's files",
    wall: 'files',
    program: text(`
my @tried;
for my $path ($A{resolver_socket}, '/run/systemd/resolve/io.systemd.Resolve', '/run/systemd/resolve/io.systemd.Resolve.Monitor',
  '/var/run/nscd/socket', '/run/dbus/system_bus_socket', '/run/avahi-daemon/socket') {
  socket(my $fh, AF_UNIX, SOCK_STREAM, 0) or refused("socket: $!");
  done("connected to $path") if connect($fh, pack_sockaddr_un($path));
  push @tried, "$!" }
refused("no resolver socket: $tried[0]");`),
    positive: 'host-user',
    watch: ['resolver'],
  }),
  attack({
    id: 'a26-command-outside',
    line: 26,
    tries: "asks the agent's own API to run a shell outside of the compartment (POST /v1/do)",
    control: 'what runs outside is what `elevated` lists word for word, and no shell can be listed',
    program: text(String.raw`
my $body = '{"argv":["/bin/sh","-c","id"]}';
my $got = ask(to_name($A{proxy_host}, 80), "POST /v1/do HTTP/1.1\r\nHost: $A{proxy_host}\r\nContent-Type: application/json\r\nContent-Length: "
  . length($body) . "\r\nConnection: close\r\n\r\n$body");
done("accepted: $1") if $got =~ /^HTTP\/1\.[01] (2\d\d)/;
judge('outside', $got);`),
    positive: 'open-net',
    watch: ['admin'],
  }),
  ...['/mode', '/policy', '/egress', '/allow', '/grants'].map((path) =>
    attack({
      id: `a26-proxy-admin${path.replace('/', '-')}`,
      line: 26,
      tries: `asks the agent's own API to change its policy (POST ${path})`,
      control:
        'the agent API reads, and asks for what `elevated` lists word for word; policy comes from the warden over a socket that is not in the compartment',
      program: text(String.raw`
my $body = '{"mode":"full","agent":"*","egress":[{"host":"*","port":443}]}';
my $got = ask(to_name($A{proxy_host}, 80), "POST ${path} HTTP/1.1\r\nHost: $A{proxy_host}\r\nContent-Type: application/json\r\nContent-Length: "
  . length($body) . "\r\nConnection: close\r\n\r\n$body");
done("accepted: $1") if $got =~ /^HTTP\/1\.[01] (2\d\d)/;
judge('admin', $got);`),
      positive: 'open-net',
      watch: ['admin'],
    }),
  ),
  attack({
    id: 'a27-cross-agent-proxy',
    line: 27,
    tries: "claims to be another agent, to use that one's grants",
    control: 'who asks is known by the listener it came in on, never by what it says',
    program: text(String.raw`
my $O = "$A{other_host}:$A{other_port}";
my $claim = "Proxy-Authorization: Basic b3RoZXI6b3RoZXI=\r\nX-Bulkhead-Agent: $A{other_agent}\r\nX-Forwarded-For: 127.0.0.1\r\n";
judge('claim', ask(proxy(), "GET http://$O/ HTTP/1.1\r\nHost: $O\r\n$claim\r\n"));`),
    positive: 'open-net',
    watch: ['other'],
    evidence: [{ event: ['egress.denied'], mentions: 'other_host' }],
    applies: (agent) => (agent.others.length === 0 ? 'the fleet has no second agent' : undefined),
  }),
  attack({
    id: 'a28-host-loopback-direct',
    line: 28,
    tries: "connects to a service on the machine's own 127.0.0.1",
    control: "a network namespace of its own: the compartment's 127.0.0.1 is not the machine's",
    program: text(`judge('loopback', ask(tcp('127.0.0.1', $A{private_port}), get('127.0.0.1')));`),
    positive: 'host-user',
    watch: ['private'],
  }),
  attack({
    id: 'a28-host-loopback-six',
    line: 28,
    tries: "connects to a service on the machine's own ::1",
    control: "a network namespace of its own: the compartment's ::1 is not the machine's",
    program: text(`judge('loopback', ask(tcp('::1', $A{private_port6}), get('localhost')));`),
    positive: 'host-user',
    watch: ['private'],
  }),
  attack({
    id: 'a28-host-loopback-udp',
    line: 28,
    tries: "sends a datagram to a service on the machine's own 127.0.0.1",
    control: "a network namespace of its own: the compartment's 127.0.0.1 is not the machine's",
    program: text(`judge('loopback', udp('127.0.0.1', $A{private_udp_port}, $A{canary}));`),
    positive: 'host-user',
    watch: ['private'],
  }),
  attack({
    id: 'a28-host-loopback-proxy',
    line: 28,
    tries: "asks the proxy for a service on the machine's own 127.0.0.1",
    control: 'loopback is refused unless a rule pins it',
    program: text(String.raw`
judge('proxy', ask(proxy(), "GET http://127.0.0.1:$A{private_port}/ HTTP/1.1\r\nHost: 127.0.0.1:$A{private_port}\r\n\r\n"));`),
    positive: 'open-net',
    watch: ['private'],
    evidence: [{ event: ['egress.denied'], mentions: 'private_port' }],
  }),
  attack({
    id: 'a28-host-loopback-socks',
    line: 28,
    tries: "asks the SOCKS proxy for a service on the machine's own 127.0.0.1",
    control: 'loopback is refused unless a rule pins it',
    program: text(`judge('socks', socks(1, inet_aton('127.0.0.1'), $A{private_port}, get('127.0.0.1')));`),
    positive: 'open-net',
    watch: ['private'],
    evidence: [{ event: ['egress.denied'], mentions: 'private_port' }],
  }),
  attack({
    id: 'a31-inherited-socket',
    line: 31,
    tries: 'looks for sockets and directories that whoever started it left open',
    control: 'every descriptor past the third is closed before the agent runs',
    wall: 'processes',
    program: text(String.raw`
my @found;
for my $fd (3 .. 1023) {
  my $what = readlink "/proc/self/fd/$fd";
  next unless defined $what;
  push @found, "$fd $what" if $what =~ /^(?:socket|anon_inode|pipe):|^\// }
@found ? done("left open: @found") : refused('nothing but the first three descriptors is open');`),
    positive: 'leaky',
  }),
  attack({
    id: 'f115-self-connect',
    line: 115,
    tries: 'connects a socket at a foreign address to itself, which looks like a reached host',
    control: OWN_ADDRESS,
    program: text(String.raw`
socket(my $fh, AF_INET, SOCK_STREAM, 0) or refused("socket: $!");
bind($fh, pack_sockaddr_in(0, inet_aton('203.0.113.7'))) or refused("bind: $!");
my $self = getsockname $fh;
fcntl($fh, F_SETFL, O_NONBLOCK);
connect($fh, $self) or $!{EINPROGRESS} or refused("connect: $!");
# TCP_INFO, tcpi_state: 1 is ESTABLISHED. The table eats the greeting to itself, so the kernel keeps it waiting for ever.
if (!wait_for($fh, 1, time + 2)) {
  my $state = unpack 'C', getsockopt($fh, 6, 11);
  $state == 1 ? failed('connected, but cannot be written to') : refused("never connected (state $state)") }
my $error = unpack 'i', getsockopt($fh, SOL_SOCKET, SO_ERROR);
if ($error) { $! = $error; refused("connect: $!") }
put($fh, $A{canary}) or refused($ended);
my $got = hear($fh, qr/\Q$A{canary}\E/);
$got =~ /\Q$A{canary}\E/ ? done('it heard itself') : $ended =~ /time-out/ ? failed($ended) : refused("not itself: $ended");`),
    positive: 'bare-net-root',
    waits: true,
  }),
  attack({
    id: 'f115-listen-foreign',
    line: 115,
    tries: 'listens at a foreign address and connects to it',
    control: OWN_ADDRESS,
    program: text(`
socket(my $server, AF_INET, SOCK_STREAM, 0) or refused("socket: $!");
bind($server, pack_sockaddr_in(0, inet_aton('203.0.113.7'))) && listen($server, 1) or refused("listen: $!");
my ($port) = unpack_sockaddr_in(getsockname $server);
my $fh = tcp('203.0.113.7', $port) or judge('foreign', '');
wait_for($server, 0, time + 1) and accept(my $peer, $server) and done('its own listener answered at a foreign address');
put($fh, $A{canary}); hear($fh, qr/./);
$ended =~ /time-out/ ? failed($ended) : refused("its listener never saw it: $ended");`),
    positive: 'bare-net-root',
    waits: true,
  }),
  attack({
    id: 'f115-udp-foreign',
    line: 115,
    tries: 'sends itself a datagram at a foreign address',
    control: OWN_ADDRESS,
    program: text(`
socket(my $server, AF_INET, SOCK_DGRAM, 0) or refused("socket: $!");
bind($server, pack_sockaddr_in(0, inet_aton('203.0.113.7'))) or refused("bind: $!");
socket(my $fh, AF_INET, SOCK_DGRAM, 0) or refused("socket: $!");
connect($fh, getsockname $server) or refused("connect: $!");
defined(send $fh, $A{canary}, 0) or refused("send: $!");
wait_for($server, 0, time + 1) and done('its own datagram arrived at a foreign address');
wait_for($fh, 0, time + 1) and !defined(sysread $fh, my $byte, 1) and refused("sent, and then: $!");
failed('nothing came, and nobody said no');`),
    positive: 'bare-net-root',
  }),
];
