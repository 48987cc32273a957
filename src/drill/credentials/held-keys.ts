import type { Attack } from '../attack.ts';
import { attack } from '../network/shape.ts';
import { KEYED } from './keyed.ts';

const MISUSED = { event: ['secret.misused'] };

function held(one: Pick<Attack, 'id' | 'line' | 'tries' | 'control' | 'program'> & Partial<Attack>): Attack {
  return attack({ positive: 'open-net', seconds: 30, ...one, program: KEYED + one.program });
}

export const HELD_KEYS: readonly Attack[] = [
  held({
    id: 'b33-placeholder-to-wrong-host',
    line: 33,
    tries:
      'sends its placeholder to hosts that it may reach and the key is not for: as header, query and path, in bodies, under the name of the right one',
    control:
      'a placeholder becomes the key at one host, port, method, path and place; at another host that is read it is refused and a finding',
    watch: ['allow', 'rules'],
    evidence: [
      { ...MISUSED, mentions: 'allow_host' },
      { ...MISUSED, mentions: 'rules_host' },
    ],
    program: String.raw`
my $L = "$A{allow_host}:$A{allow_port}";
for my $host ($L, $R) {
  way("bearer to $host", tunnel($host), to_host($host, 'GET /v1/check', "Authorization: Bearer $mine"));
  way("header to $host", tunnel($host), to_host($host, 'GET /v1/check', "X-Drill-Key: $mine"));
  way("query to $host", tunnel($host), to_host($host, "GET /v1/check?key=$mine"));
  way("path to $host", tunnel($host), to_host($host, "GET /v1/$mine"));
}
way('body', tunnel($R), to_host($R, 'POST /v1/check', 'Content-Type: application/json', 'Content-Length: ' . (2 + length $mine)) . qq("$mine"));
way('Host of the right one', tunnel($L), "GET /v1/check HTTP/1.1\r\nHost: $K\r\nAuthorization: Bearer $mine\r\nConnection: close\r\n\r\n");
way('by the proxy', proxy(), "GET http://$L/v1/check HTTP/1.1\r\nHost: $L\r\nAuthorization: Bearer $mine\r\nConnection: close\r\n\r\n");
no_way();`,
  }),
  held({
    id: 'b33-placeholder-of-another',
    line: 33,
    tries: "uses another agent's placeholder, and a key that somebody gave it, where its own belongs",
    control: 'a placeholder is good for one agent; at a place that is bound nothing else may stand',
    watch: ['keyed', 'keyed.own'],
    evidence: [{ ...MISUSED, mentions: 'keyed_host' }],
    program: String.raw`
sub welcome_way { my ($name, $bytes) = @_;
  my $got = ask(keyed(), $bytes);
  return through_by($name) if $got =~ any_token() || $got =~ /\Q$A{allow_token}\E/ || $got =~ /^HTTP\/1\.[01] 200/;
  $got =~ /^(HTTP\/1\.[01] 4\d+)/ ? push @no, "$name: $1" : failed("$name: $ended") }
welcome_way("another agent's", to_key('GET /v1/check', "Authorization: Bearer $theirs"));
welcome_way("another agent's, header", to_key('GET /v1/check', "X-Drill-Key: $theirs"));
welcome_way('a foreign key', to_key('GET /v1/check', 'Authorization: Bearer somebody-elses-key'));
welcome_way('a foreign key, header', to_key('GET /v1/check', 'X-Drill-Key: somebody-elses-key'));
no_way();`,
    remains: 'with one agent in the fleet the other is nobody, with a placeholder of the same kind',
  }),
  held({
    id: 'b34-reflect',
    line: 34,
    tries:
      'asks the service that the key is for to tell it back: in the body, in chunks, headers, trailers, redirects, cookies, errors, base64, compressed, a WebSocket',
    control: 'what comes back loses the values that went out, wherever and however they are written',
    watch: [],
    evidence: [{ event: ['secret.used'], mentions: 'keyed_host' }],
    program: String.raw`
sub reflected { my ($name, $enough, @more) = @_;
  my ($path, @fields) = ("/v1/echo-$name", "Authorization: Bearer $mine");
  my $fh = keyed();
  my $bytes = $name eq 'websocket' ? join "\r\n", "GET $path HTTP/1.1", "Host: $K", @fields, @more, '', '' : to_key("GET $path", @fields);
  my $got = $fh && put($fh, $bytes) ? hear($fh, $enough) : '';
  my $end = $ended;
  my $plain = $got;
  $plain =~ s/\r\n[0-9a-f]+\r\n//g; # chunks, joined
  for my $coded ($got =~ /echo: ([A-Za-z0-9+\/]{40,}=*) end/g) { (my $uu = $coded) =~ tr{A-Za-z0-9+/=}{ -_}d; $plain .= join '', map { unpack 'u', chr(32 + length($_) * 3 / 4) . $_ } $uu =~ /(.{1,60})/g }
  return through_by($name) if index($plain, $value) >= 0;
  failed("$name: no answer ($end) " . substr $got, 0, 60) unless $got =~ /echo: /;
  push @no, "$name: gone" }
reflected($_, qr/echo:.* end.*\z/s) for qw(body header error redirect cookie reason base64 gzip);
reflected($_, qr/\r\n0\r\n.*\r\n\r\n/s) for qw(chunks trailer);
reflected('websocket', qr/echo: .* end/, 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: ZHJpbGwtZHJpbGwtZHJpbA==');
no_way();`,
    remains: 'what a service makes of a key beyond URL, JSON and base64 forms is not known to anybody: LIMITS',
  }),
  held({
    id: 'b35-placeholder-places',
    line: 35,
    tries:
      'sends its placeholder to the right host at every place that it is not bound to: body, query, path, cookie, other fields, trailers, Basic, encoded, other methods and paths',
    control:
      'a placeholder anywhere but at its place is refused before the server has a whole request, and is a finding',
    watch: ['keyed'],
    evidence: [{ ...MISUSED, mentions: 'keyed_host' }],
    program: String.raw`
my $bearer = "Authorization: Bearer $mine";
my $long = 'Content-Length: ' . (2 + length $mine);
my $coded = join '', map { sprintf '%%%02x', ord } split //, $mine;
(my $basic = pack 'u', "drill:$mine") =~ s/^.//mg; $basic =~ s/\n//g; $basic =~ tr{ -_\x60}{A-Za-z0-9+/A}; $basic .= '=' x (-length($basic) % 4);
way('query', keyed(), to_key("GET /v1/check?key=$mine"));
way('query besides', keyed(), to_key("GET /v1/check?key=$mine", $bearer));
way('query, encoded', keyed(), to_key("GET /v1/check?key=$coded"));
way('path', keyed(), to_key("GET /v1/$mine/check"));
way('another field', keyed(), to_key('GET /v1/check', "X-Other: $mine"));
way('cookie', keyed(), to_key('GET /v1/check', "Cookie: key=$mine"));
way('user agent', keyed(), to_key('GET /v1/check', "User-Agent: $mine"));
way('basic', keyed(), to_key('GET /v1/check', "Authorization: Basic $basic"));
way('body', keyed(), to_key('POST /v1/check', 'Content-Type: application/json', $long) . qq("$mine"));
way('body besides', keyed(), to_key('POST /v1/check', $bearer, 'Content-Type: application/json', $long) . qq("$mine"));
way('chunk', keyed(), to_key('POST /v1/check', 'Transfer-Encoding: chunked') . sprintf("%x\r\n%s\r\n0\r\n\r\n", length $mine, $mine));
way('trailer', keyed(), to_key('POST /v1/check', 'Transfer-Encoding: chunked', 'Trailer: X-Other') . "2\r\nhi\r\n0\r\nX-Other: $mine\r\n\r\n");
way('another path', keyed(), to_key('GET /v2/check', $bearer));
way('dots', keyed(), to_key('GET /v1/../v2/check', $bearer));
way('another method', keyed(), to_key('DELETE /v1/check', $bearer));
way('by the proxy', proxy(), "GET http://$K/v2/check HTTP/1.1\r\nHost: $K\r\nX-Other: $mine\r\nConnection: close\r\n\r\n");
no_way();`,
  }),
  held({
    id: 'b35-placeholder-places-read',
    line: 35,
    tries:
      'sends its placeholder on a connection that was good until then: in a second request, and in the message of a WebSocket',
    control: 'every request and every message on a connection that is read is judged by itself',
    watch: ['keyed'],
    evidence: [{ ...MISUSED, mentions: 'keyed_host' }],
    program: String.raw`
my $good = "GET /v1/check HTTP/1.1\r\nHost: $K\r\nAuthorization: Bearer $mine\r\n\r\n";
sub good { my $fh = keyed();
  my $got = put($fh, $_[0]) ? hear($fh, $_[1]) : '';
  $got =~ $_[1] or failed("what is granted was not answered: $ended " . substr $got, 0, 60);
  return $fh }
way('second request', good($good, qr/\Q$A{allow_token}\E.*\Q$A{allow_token}\E/s), "GET /v1/check?key=$mine HTTP/1.1\r\nHost: $K\r\nConnection: close\r\n\r\n");
my $socket = "GET /v1/echo-websocket HTTP/1.1\r\nHost: $K\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ZHJpbGwtZHJpbGwtZHJpbA==\r\n\r\n";
way('message', good($socket, qr/echo: .*end/), "\x81" . chr(128 | length $mine) . "\0\0\0\0$mine");
no_way();`,
  }),
];
