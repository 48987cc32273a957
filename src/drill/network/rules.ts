import type { Attack } from '../attack.ts';
import { HIDDEN } from './http.ts';
import { text } from './prelude.ts';
import { attack } from './shape.ts';
import { WAYS } from './ways.ts';

const DENIED_RULES = [{ event: ['egress.denied'], mentions: 'rules_host' }];
const CONTROL = 'requests are read, and what a rule does not grant, or two servers could read differently, is refused';

function ruled(one: Pick<Attack, 'id' | 'line' | 'tries' | 'program'> & Partial<Attack>): Attack {
  return attack({
    control: CONTROL,
    positive: 'open-net',
    watch: ['rules'],
    evidence: DENIED_RULES,
    seconds: 30,
    ...one,
    program: text(WAYS + one.program),
  });
}

/** A host that is granted for some requests alone (src/drill/lent.ts): which others reach it, and in which disguise. */
export const RULES: readonly Attack[] = [
  ruled({
    id: 'a24-exfil-other-method',
    line: 24,
    tries:
      'asks a host that is granted for reading and posting to change, replace and remove, openly and by fields that some servers obey',
    program: String.raw`
way($_, ruled(), req("$_ /v1/things")) for qw(DELETE PUT PATCH TRACE PROPFIND);
way($_, ruled(), req('POST /v1/things', "$_: DELETE", 'Content-Length: 0')) for qw(X-HTTP-Method-Override X-HTTP-Method X-Method-Override);
no_way();`,
  }),
  ruled({
    id: 'a24-exfil-other-path',
    line: 24,
    tries:
      'asks for paths that are not granted: others, and granted ones with dots, slashes and percent signs in every spelling',
    program: String.raw`
way($_, ruled(), req("GET $_")) for '/admin', '/', '/v1/../admin', '/v1/x/../../admin', '/v1/./../admin', '/v1/%2e%2e/admin', '/v1/%2E./admin', '/v1/..%2fadmin', '/v1/%2e%2e%2fadmin',
  '/v1/%252e%252e/admin', '/v1/..%252fadmin', '/v1/..\\admin', '/v1/..%5cadmin', '/v1/..;/admin', '/v1/..;x=y/admin', '/v1//../admin', '/v1/%c0%ae%c0%ae/admin', '/admin%00/v1/x', '/admin;/v1/x',
  '/admin/..;/admin', "http://$R/admin", "http://$R/v1/../admin";
way($_, ruled(), req('GET /v1/things', "$_: /admin")) for qw(X-Original-URL X-Rewrite-URL);
no_way();`,
  }),
  ruled({
    id: 'a24-exfil-other-query',
    line: 24,
    tries:
      'asks a search that is granted for one kind for another, twice over, and with separators that only some servers know',
    program: String.raw`
way($_, ruled(), req("GET /find?$_")) for 'kind=closed', 'kind=open&kind=closed', 'kind=closed&kind=open', 'kind=open;kind=closed', 'kind=open&%6bind=closed', 'x=1', 'kind=open%26kind=closed';
way('none', ruled(), req('GET /find'));
no_way();`,
  }),
  ruled({
    id: 'a24-exfil-other-content',
    line: 24,
    tries: 'posts what is not of the granted content type: another, two, none',
    program: String.raw`
sub post { my (@types) = @_; return req('POST /v1/things', (map { "Content-Type: $_" } @types), 'Content-Length: 2') . '{}' }
way('other', ruled(), post('text/plain'));
way('form', ruled(), post('multipart/form-data; boundary=x'));
way('two', ruled(), post('application/json', 'text/plain'));
way('list', ruled(), post('application/json, text/plain'));
way('none', ruled(), post());
no_way();`,
  }),
  ruled({
    id: 'a24-exfil-git-push',
    line: 24,
    tries:
      'pushes to a repository that it may only read, or not reach at all, by paths and queries that name a granted one besides',
    program: String.raw`
sub refs { my ($at) = @_; return req("GET $at") }
sub pack_to { my ($at) = @_; return req("POST $at", 'Content-Type: application/x-git-receive-pack-request', 'Content-Length: 4') . '0000' }
way($_, ruled(), refs($_)) for map { ("/$_/info/refs?service=git-receive-pack", "/$_.git/info/refs?service=git-receive-pack") } qw(me/other you/site);
way($_, ruled(), pack_to($_)) for '/me/other/git-receive-pack', '/me/other.git/git-receive-pack', '/you/site/git-receive-pack', '/me/site/../other/git-receive-pack', '/me/site/..%2fother/git-receive-pack',
  '/me/site/../../you/site/git-receive-pack', '/you/site/%2e%2e/%2e%2e/you/site/git-receive-pack', '/you/site%2f..%2f..%2fyou%2fsite/git-receive-pack', '/me/site.git/%252e%252e/other/git-receive-pack';
way('two services', ruled(), refs('/me/other/info/refs?service=git-upload-pack&service=git-receive-pack'));
way('two services, the other first', ruled(), refs('/me/other/info/refs?service=git-receive-pack&service=git-upload-pack'));
way('a service spelt otherwise', ruled(), refs('/me/other/info/refs?service=git-upload-pack;service=git-receive-pack'));
way('another content type', ruled(), req('POST /me/site/git-receive-pack', 'Content-Type: application/x-git-upload-pack-request', 'Content-Length: 4') . '0000');
no_way();`,
  }),
  ruled({
    id: 'a22-pipelined-second-request-read',
    line: 22,
    tries:
      'asks for what is granted and then, on the same connection, for what is not: after the answer, at once, and by CONNECT',
    control: 'every request is judged, not every connection',
    program: String.raw`
my $granted = "GET /v1/things HTTP/1.1\r\nHost: $R\r\n\r\n";
for my $second (req('GET /admin'), req('POST /v1/things', 'Content-Type: text/plain', 'Content-Length: 2') . '{}', "CONNECT $A{deny_host}:443 HTTP/1.1\r\nHost: $A{deny_host}:443\r\n\r\n") {
  my ($name) = $second =~ /^(\w+ \S+)/;
  way("$name at once", ruled(), $granted . $second);
  my $fh = ruled();
  my $first = $fh && put($fh, $granted) ? hear($fh, qr/\Q$A{allow_token}\E.*\Q$A{allow_token}\E/s) : '';
  failed("what is granted was not answered: $ended") unless $first =~ /\Q$A{allow_token}\E/;
  way("$name afterwards", $fh, $second);
}
no_way();`,
  }),
  ruled({
    id: 'a20-smuggling-read',
    line: 20,
    tries:
      'hides a request that is not granted in one that is, on a connection that is read: two lengths, chunks, folded lines and the rest',
    control: 'a strict parser, one request per parse, sent on in our own words',
    program: String.raw`
my $S = "GET /smuggled HTTP/1.1\r\nHost: $R\r\n\r\n";
my $n = sprintf '%x', length $S;
${HIDDEN.map(({ name, path, headers, body }) => String.raw`way('${name}', ruled(), "POST /v1${path} HTTP/1.1\r\nHost: $R\r\nContent-Type: application/json\r\n${headers}\r\n${body}");`).join('\n')}
no_way();`,
  }),
  ruled({
    id: 'a14-host-differential-read',
    line: 14,
    tries: 'names another host in a request on a connection that is read: in Host, twice, in the request line',
    control: 'one canonical host; request line, Host and SNI must agree',
    program: String.raw`
for my $host ($A{deny_host}, $A{allow_host}, "$R\@$A{deny_host}", "$A{deny_host}#$R") {
  way("Host: $host", ruled(), "GET /v1/things HTTP/1.1\r\nHost: $host\r\nConnection: close\r\n\r\n");
}
way('two', ruled(), "GET /v1/things HTTP/1.1\r\nHost: $R\r\nHost: $A{deny_host}\r\nConnection: close\r\n\r\n");
way('none', ruled(), "GET /v1/things HTTP/1.1\r\nConnection: close\r\n\r\n");
no_way();`,
  }),
  ruled({
    id: 'a16-sni-fronting-read',
    line: 16,
    tries: 'greets a host whose requests are read in TLS, under another name and under none',
    control: 'the name asked for, the SNI and the Host header must be the same',
    program: String.raw`
way('another', ruled(), client_hello($A{deny_host}));
way('that of an allowed one', ruled(), client_hello($A{allow_host}));
way('none', ruled(), client_hello(undef));
no_way();`,
  }),
  ruled({
    id: 'a21-h2c-read',
    line: 21,
    tries: 'turns a connection that is read into something else: HTTP/2 by upgrade and at once',
    control: 'no upgrade past the parser, but to a WebSocket, whose frames are read too',
    program: String.raw`
way('upgrade', ruled(), "GET /v1/things HTTP/1.1\r\nHost: $R\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n");
way('preface', ruled(), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0");
no_way();`,
    remains:
      ':authority against host, and HPACK bombs, are inside TLS, which a text does not speak: test/gateway/intercept-http2-hostile.test.ts',
  }),
];
