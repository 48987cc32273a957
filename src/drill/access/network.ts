import type { AccessTest } from '../attack.ts';
import { text } from '../network/prelude.ts';
import { CLOCK, onlyWithTime } from '../network/time.ts';
import { EVERY_TIER } from '../where.ts';

const RECORDED = [{ event: ['egress.allowed'], mentions: 'allow_host' }];

/** A reply with the token of an allowed host; everything else is being cut off. */
const HEARD = String.raw`
sub welcome { my ($what, $fh, $bytes) = @_;
  refused("$what: $ended") unless $fh;
  put($fh, $bytes) or refused("$what: $ended");
  my $got = hear($fh, qr/\Q$A{allow_token}\E/);
  $got =~ /\Q$A{allow_token}\E/ ? done("$what: answered") : refused("$what: $ended " . substr($got, 0, 80)) }
sub tunnelled { my ($fh, $request, $enough) = @_;
  refused("no proxy: $ended") unless $fh;
  put($fh, $request); my $said = hear($fh, $enough);
  return $said =~ $enough ? $fh : refused('the proxy said: ' . substr($said, 0, 80) . " $ended") }
my $L = "$A{allow_host}:$A{allow_port}";
`;

function access(id: string, tries: string, program: string, more: Partial<AccessTest> = {}): AccessTest {
  return {
    id: `access-${id}`,
    tries,
    tiers: EVERY_TIER,
    program: text(HEARD + CLOCK + program),
    watch: ['allow.own'],
    evidence: RECORDED,
    ...more,
  };
}

/** A compartment that denies everything fails the drill. */
export const NETWORK_ACCESS: readonly AccessTest[] = [
  access(
    'allowed-host',
    'asks an allowed host by its name',
    `welcome('http', to_name($A{allow_host}, $A{allow_port}), get($L));`,
  ),
  access(
    'allowed-host-tls',
    'greets an allowed host in TLS',
    `welcome('tls', to_name($A{allow_host}, $A{allow_port}), client_hello($A{allow_host}));`,
  ),
  access(
    'allowed-host-https',
    'greets an allowed host in TLS on port 443',
    `welcome('tls', to_name($A{secure_host}, 443), client_hello($A{secure_host}));`,
    { watch: ['secure.own'], evidence: [{ event: ['egress.allowed'], mentions: 'secure_host' }] },
  ),
  access(
    'allowed-host-connect',
    'reaches an allowed host through CONNECT',
    String.raw`welcome('connect', tunnelled(proxy(), "CONNECT $L HTTP/1.1\r\nHost: $L\r\n\r\n", qr/^HTTP\/1\.[01] 200.*\r\n\r\n/s), client_hello($A{allow_host}));`,
  ),
  access(
    'allowed-host-proxy',
    'reaches an allowed host through the HTTP proxy',
    String.raw`welcome('proxy', proxy(), "GET http://$L/ HTTP/1.1\r\nHost: $L\r\n\r\n");`,
  ),
  access(
    'allowed-host-post',
    'sends a body in chunks to an allowed host through the HTTP proxy',
    String.raw`welcome('post', proxy(), "POST http://$L/te HTTP/1.1\r\nHost: $L\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");`,
  ),
  access(
    'allowed-host-socks',
    'reaches an allowed host through SOCKS',
    String.raw`
my $fh = tunnelled(to_name($A{proxy_host}, 1080), "\x05\x01\x00", qr/^\x05\x00/);
welcome('socks', tunnelled($fh, "\x05\x01\x00\x03" . socks_name($A{allow_host}) . pack('n', $A{allow_port}), qr/^\x05\x00.{8}/s), get($L));`,
  ),
  access(
    'allowed-host-upper-case',
    'reaches an allowed host written in capitals',
    `welcome('capitals', to_name(uc $A{allow_host}, $A{allow_port}), get(uc($A{allow_host}) . ":$A{allow_port}"));`,
  ),
  access(
    'allowed-wildcard',
    'reaches a host below an allowed domain',
    `welcome('wildcard', to_name("one.$A{wild_host}", $A{wild_port}), get("one.$A{wild_host}:$A{wild_port}"));`,
    { watch: ['wild.own'], evidence: [{ event: ['egress.allowed'], mentions: 'wild_host' }] },
  ),
  access(
    'granted-request',
    'sends a request that is granted to a host where others are not',
    String.raw`
my $R = "$A{rules_host}:$A{rules_port}";
welcome('request', to_name($A{rules_host}, $A{rules_port}), "POST /v1/things HTTP/1.1\r\nHost: $R\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");`,
    { watch: ['rules.own'], evidence: [{ event: ['egress.request'], mentions: 'rules_host' }] },
  ),
  access(
    'granted-time',
    'asks a granted server for the time',
    `my $ip = named($A{clock_host}); defined $ip && told($ip) ? done('told') : refused($ended);`,
    { applies: onlyWithTime, watch: [], evidence: [] }, // the server is asked once in a while
  ),
  access(
    'bound-key',
    'uses a key that it does not hold, where it is bound to',
    String.raw`
my $K = "$A{keyed_host}:$A{keyed_port}";
welcome('key', to_name($A{keyed_host}, $A{keyed_port}), "GET /v1/check HTTP/1.1\r\nHost: $K\r\nAuthorization: Bearer $A{key_stand}\r\nConnection: close\r\n\r\n");`,
    { watch: ['keyed.own'], evidence: [{ event: ['secret.used'], mentions: 'keyed_host' }] },
  ),
  access(
    'own-loopback',
    'serves and reaches itself on 127.0.0.1',
    String.raw`
socket(my $server, AF_INET, SOCK_STREAM, 0) or refused("socket: $!");
bind($server, pack_sockaddr_in(0, inet_aton('127.0.0.1'))) && listen($server, 1) or refused("listen: $!");
my ($port) = unpack_sockaddr_in(getsockname $server);
my $fh = tcp('127.0.0.1', $port) or refused($ended);
accept(my $peer, $server) or refused("accept: $!");
syswrite $peer, $A{canary};
hear($fh, qr/\Q$A{canary}\E/) =~ /\Q$A{canary}\E/ ? done('answered itself') : refused($ended);`,
    { watch: [], evidence: [] },
  ),
  access(
    'agent-api',
    'asks what was refused to it, at bulkhead.internal',
    String.raw`
my $fh = to_name($A{proxy_host}, 80) or refused($ended);
put($fh, "GET /denials HTTP/1.1\r\nHost: $A{proxy_host}\r\nConnection: close\r\n\r\n");
my $got = hear($fh, qr/\r\n\r\n./s);
$got =~ /^HTTP\/1\.1 200/ ? done('answered') : refused(substr($got, 0, 80) . " $ended");`,
    { watch: [], evidence: [] },
  ),
];
