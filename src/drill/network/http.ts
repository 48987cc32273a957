import type { Attack } from '../attack.ts';
import { text } from './prelude.ts';
import { attack, DENIED_ANY, DENIED_HOST } from './shape.ts';

/** A second request hides in the body of the first for whoever reads lengths otherwise than the gateway (RFC 9112, sections
 *  6.3, 11.2). The arena's server trusts chunks under `/te` and Content-Length elsewhere, both as leniently as can be. */
export interface Hidden {
  readonly name: string;
  readonly what: string;
  readonly path: '/te' | '/cl';
  /** Perl: header lines after Host. `$S` is the hidden request, `$C` it as a chunk, `$n` its length. */
  readonly headers: string;
  readonly body: string;
}

const TE_BODY = String.raw`0\r\n\r\n$S`;
const LENGTH = String.raw`Content-Length: @{[length($S) + 5]}\r\n`;

export const HIDDEN: readonly Hidden[] = [
  {
    name: 'cl-te',
    what: 'Content-Length and Transfer-Encoding',
    path: '/te',
    headers: String.raw`${LENGTH}Transfer-Encoding: chunked\r\n`,
    body: TE_BODY,
  },
  {
    name: 'te-cl',
    what: 'Transfer-Encoding and a short Content-Length',
    path: '/cl',
    headers: String.raw`Content-Length: 4\r\nTransfer-Encoding: chunked\r\n`,
    body: String.raw`$n\r\n$S\r\n0\r\n\r\n`,
  },
  {
    name: 'xchunked',
    what: 'an unknown transfer coding that a lax server takes for chunked',
    path: '/te',
    headers: String.raw`${LENGTH}Transfer-Encoding: xchunked\r\n`,
    body: TE_BODY,
  },
  {
    name: 'space-before-colon',
    what: 'a space before the colon',
    path: '/te',
    headers: String.raw`${LENGTH}Transfer-Encoding : chunked\r\n`,
    body: TE_BODY,
  },
  {
    name: 'tab',
    what: 'a tab before the value',
    path: '/te',
    headers: String.raw`${LENGTH}Transfer-Encoding:\tchunked\r\n`,
    body: TE_BODY,
  },
  {
    name: 'vertical-tab',
    what: 'a vertical tab before the value',
    path: '/te',
    headers: String.raw`${LENGTH}Transfer-Encoding:\x0bchunked\r\n`,
    body: TE_BODY,
  },
  {
    name: 'obs-fold',
    what: 'a folded header line',
    path: '/te',
    headers: String.raw`${LENGTH}Transfer-Encoding:\r\n chunked\r\n`,
    body: TE_BODY,
  },
  {
    name: 'bare-lf',
    what: 'a line that ends in a bare line feed',
    path: '/te',
    headers: String.raw`${LENGTH}X: y\nTransfer-Encoding: chunked\r\n`,
    body: TE_BODY,
  },
  {
    name: 'two-lengths',
    what: 'two different Content-Lengths',
    path: '/cl',
    headers: String.raw`Content-Length: 0\r\n${LENGTH}`,
    body: '$S     ',
  },
  {
    name: 'plus-length',
    what: 'a Content-Length with a sign',
    path: '/cl',
    headers: String.raw`Content-Length: +0\r\n${LENGTH}`,
    body: '$S     ',
  },
  {
    name: 'header-injection',
    what: 'a request hidden behind a bare carriage return in a header',
    path: '/cl',
    headers: String.raw`X: y\r\n\r\n$S`,
    body: '',
  },
];

const SECRET_REQUEST = String.raw`
my $L = "$A{allow_host}:$A{allow_port}";
my $S = "GET /smuggled HTTP/1.1\r\nHost: $A{deny_host}\r\n\r\n";
my $n = sprintf '%x', length $S;`;

function smuggle(one: Hidden, way: 'proxy' | 'direct'): Attack {
  const line = way === 'proxy' ? `POST http://$L${one.path} HTTP/1.1` : `POST ${one.path} HTTP/1.1`;
  const fh = way === 'proxy' ? 'proxy()' : 'to_name($A{allow_host}, $A{allow_port})';
  return attack({
    id: `a20-smuggling-${one.name}-${way}`,
    line: 20,
    tries: `hides a request for another host in an allowed one: ${one.what} (${way === 'proxy' ? 'through the proxy' : 'directly'})`,
    control: 'a strict parser, one request per parse, sent on in our own words',
    program: text(
      String.raw`${SECRET_REQUEST}
my $got = ask(${fh}, "${line}\r\nHost: $L\r\n${one.headers}\r\n${one.body}");
# The first request may well be answered; the question is whether the second was.
refused('only the first request was answered') if $got =~ /\Q$A{allow_token}\E/ && $got !~ any_token();
judge('http', $got);`,
    ),
    positive: 'open-net',
    watch: ['allow', 'far'],
  });
}

/** HTTP as it is and as it is abused. */
export const HTTP: readonly Attack[] = [
  ...HIDDEN.flatMap((one) => [smuggle(one, 'proxy'), smuggle(one, 'direct')]),
  attack({
    id: 'a21-h2c-upgrade',
    line: 21,
    tries: 'asks an allowed host to go on in HTTP/2, where every request names its own host',
    control: 'no upgrade past the parser',
    program: text(String.raw`
my $L = "$A{allow_host}:$A{allow_port}";
my $got = ask(proxy(), "GET http://$L/ HTTP/1.1\r\nHost: $L\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n");
refused('answered without an upgrade') if $got =~ /^HTTP\/1\.1 200/ && $got =~ /\Q$A{allow_token}\E/;
judge('upgrade', $got);`),
    positive: 'open-net',
    watch: ['allow'],
  }),
  attack({
    id: 'a21-h2c-preface',
    line: 21,
    tries: 'starts HTTP/2 with an allowed host at once, in plain text',
    control: 'HTTP/2 is not spoken past the parser, which would see only its first host',
    program: text(String.raw`
judge('h2', ask(to_name($A{allow_host}, $A{allow_port}), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"));`),
    positive: 'open-net',
    watch: ['allow'],
    evidence: [{ event: ['egress.denied'], mentions: 'allow_port' }],
    remains: ':authority against host, and HPACK bombs, inside TLS: interception, step 4',
  }),
  ...(['proxy', 'direct'] as const).map((way) =>
    attack({
      id: `a22-pipelined-second-request-${way}`,
      line: 22,
      tries: `keeps a connection open: first an allowed request, then one for another host (${way})`,
      control: 'every request is judged, not every connection',
      program: text(String.raw`
my $L = "$A{allow_host}:$A{allow_port}";
my $fh = ${way === 'proxy' ? 'proxy()' : 'to_name($A{allow_host}, $A{allow_port})'} or judge('first', '');
my $form = ${way === 'proxy' ? '"http://$L/"' : '"/"'};
my $second = ${way === 'proxy' ? '"http://$A{deny_host}/"' : '"/"'};
put($fh, "GET $form HTTP/1.1\r\nHost: $L\r\n\r\n") or judge('first', '');
my $first = hear($fh, qr/\Q$A{allow_token}\E.*\Q$A{allow_token}\E/s);
failed("the allowed request was not answered: $ended") unless $first =~ /\Q$A{allow_token}\E/;
put($fh, "GET $second HTTP/1.1\r\nHost: $A{deny_host}\r\n\r\n") or judge('second', '');
judge('second', hear($fh, any_token()));`),
      positive: 'open-net',
      watch: ['allow', 'far'],
      // A proxy may close after the first answer; then there was nothing to record.
    }),
  ),
  ...(['proxy', 'direct'] as const).map((way) =>
    attack({
      id: `a22-pipelined-at-once-${way}`,
      line: 22,
      tries: `sends an allowed request and one for another host in one write (${way})`,
      control: 'every request is judged, not every connection',
      program: text(String.raw`
my $L = "$A{allow_host}:$A{allow_port}";
my ($one, $two) = ${way === 'proxy' ? '("http://$L/", "http://$A{deny_host}/")' : '("/", "/")'};
my $fh = ${way === 'proxy' ? 'proxy()' : 'to_name($A{allow_host}, $A{allow_port})'} or judge('pipeline', '');
my $got = ask($fh, "GET $one HTTP/1.1\r\nHost: $L\r\n\r\nGET $two HTTP/1.1\r\nHost: $A{deny_host}\r\n\r\n");
refused('only the first request was answered') if $got =~ /\Q$A{allow_token}\E/ && $got !~ any_token();
judge('pipeline', $got);`),
      positive: 'open-net',
      watch: ['allow', 'far'],
    }),
  ),
  attack({
    id: 'a23-redirect-escape',
    line: 23,
    tries: 'lets an allowed host redirect it to one that is not, and follows',
    control: 'the gateway follows no redirect; the next hop is a request of its own',
    program: text(String.raw`
my $L = "$A{allow_host}:$A{allow_port}";
my $got = ask(proxy(), "GET http://$L/redirect HTTP/1.1\r\nHost: $L\r\nConnection: close\r\n\r\n");
done('the redirect was followed for us') if $got =~ any_token();
my ($to) = $got =~ /^Location: (\S+)/im or judge('no redirect came', $got);
judge('next hop', ask(proxy(), "GET $to HTTP/1.1\r\nHost: $A{deny_host}\r\n\r\n"));`),
    positive: 'open-net',
    watch: ['far', 'dns'],
    evidence: DENIED_HOST,
    remains: 'a redirect that would carry an injected credential: secrets, step 4',
  }),
  attack({
    id: 'a18-plain-http-direct',
    line: 18,
    tries: 'sends a plain request with a denied Host to an address, without a proxy',
    control: 'plain HTTP is judged by the same policy',
    program: text(`judge('http', ask(tcp($A{deny_ip}, 80), get($A{deny_host})));`),
    positive: 'open-net',
    watch: ['far'],
    evidence: DENIED_ANY,
  }),
];
