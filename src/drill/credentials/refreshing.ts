import type { Attack } from '../attack.ts';
import { attack } from '../network/shape.ts';
import { KEYED } from './keyed.ts';

/** The key that the drill lends is a sign-in too: at the token endpoint of its host its placeholder is the refresh token, and the endpoint's answer
 *  is full of tokens. Every request of the text has a field `X-Drill-Way`: with it none may arrive. */
export const REFRESHING: readonly Attack[] = [
  attack({
    id: 'b36-token-refresh',
    line: 36,
    tries:
      'refreshes its sign-in at the token endpoint, as it should and in disguises (other paths, methods, grants, places, names twice), and searches the answers for tokens',
    control:
      "a refresh is a request of the gateway's own; its answer has the placeholder where tokens stand, and stars where they are repeated",
    positive: 'open-net',
    seconds: 45,
    watch: ['keyed'],
    evidence: [
      { event: ['secret.refreshing'], mentions: 'keyed_host' },
      { event: ['secret.misused'], mentions: 'keyed_host' },
    ],
    program: `${KEYED}${String.raw`
my @tokens = ($value, $A{key_refresh});
sub post { my ($line, $type, $body, @more) = @_;
  return to_key($line, 'X-Drill-Way: 1', "Content-Type: $type", 'Content-Length: ' . length $body, @more) . $body }
sub refreshed { my ($name, $fh, $bytes) = @_;
  my $got = $fh && put($fh, $bytes) ? hear($fh, qr/\r\n\r\n.*\}\s*\z|\Q$A{token}\E/s, 8) : '';
  my ($plain, $end) = ($got, $ended);
  $plain =~ s/\r\n[0-9a-f]+\r\n//g; # chunks, joined
  for my $coded ($got =~ /([A-Za-z0-9+\/]{40,}=*)/g) { (my $uu = $coded) =~ tr{A-Za-z0-9+/=}{ -_}d; $plain .= "\n" . join '', map { unpack 'u', chr(32 + length($_) * 3 / 4) . $_ } $uu =~ /(.{1,60})/g }
  (my $unescaped = $got) =~ s/\\u00([0-9a-f]{2})/chr hex $1/gei;
  (my $decoded = $got) =~ s/%([0-9a-f]{2})/chr hex $1/gei;
  for my $token (@tokens) { return through_by($name) if grep { index($_, $token) >= 0 } $plain, $unescaped, $decoded }
  return through_by($name) if $got =~ any_token();
  $got =~ /^HTTP\/1\.[01] (\d+)/ ? push @no, "$name: $1" : $end =~ /^(?:closed|read: |write: )/ ? push @no, "$name: $end" : failed("$name: $end " . substr $got, 0, 60) }
my ($path, $js, $fm) = ('/oauth/token', 'application/json', 'application/x-www-form-urlencoded');
my $json = qq({"grant_type":"refresh_token","refresh_token":"$mine","client_id":"bulkhead-drill"});
my $form = "grant_type=refresh_token&refresh_token=$mine&client_id=bulkhead-drill";
my $coded = join '', map { sprintf '%%%02x', ord } split //, $mine;
(my $basic = pack 'u', "bulkhead-drill:$mine") =~ s/^.//mg; $basic =~ s/\n//g; $basic =~ tr{ -_\x60}{A-Za-z0-9+/A}; $basic .= '=' x (-length($basic) % 4);
refreshed('as JSON', keyed(), post("POST $path", $js, $json));
refreshed('as a form', keyed(), post("POST $path", $fm, $form));
refreshed('wholly encoded', keyed(), post("POST $path", $fm, "grant_type=refresh_token&refresh_token=$coded"));
refreshed('in chunks', keyed(), to_key("POST $path", 'X-Drill-Way: 1', "Content-Type: $js", 'Transfer-Encoding: chunked') . sprintf("%x\r\n%s\r\n0\r\n\r\n", length $json, $json));
refreshed('by the proxy', proxy(), "POST http://$K$path HTTP/1.1\r\nHost: $K\r\nX-Drill-Way: 1\r\nContent-Type: $js\r\nContent-Length: " . length($json) . "\r\nConnection: close\r\n\r\n$json");
refreshed("path $_", keyed(), post("POST $_", $js, $json)) for '/oauth/./token', '/v1/../oauth/token', '//oauth/token', '/oauth//token', '/oauth/token/', '/oauth/%74oken', '/oauth%2ftoken', '/oauth/token;a=b', '/oauth/token?a=b', '/oauth/token#a';
refreshed("method $_", keyed(), post("$_ $path", $js, $json)) for 'PUT', 'PATCH', 'DELETE';
refreshed('another method besides', keyed(), post("GET $path", $js, $json, 'X-HTTP-Method-Override: POST'));
refreshed('in the query', keyed(), to_key("GET $path?grant_type=refresh_token&refresh_token=$mine", 'X-Drill-Way: 1'));
refreshed('as bearer', keyed(), post("POST $path", $fm, 'grant_type=refresh_token', "Authorization: Bearer $mine"));
refreshed('as Basic', keyed(), post("POST $path", $fm, 'grant_type=refresh_token', "Authorization: Basic $basic"));
refreshed('as a field', keyed(), post("POST $path", $fm, 'grant_type=refresh_token', "X-Drill-Key: $mine"));
refreshed('a code', keyed(), post("POST $path", $fm, "grant_type=authorization_code&code=$mine"));
refreshed('an exchange', keyed(), post("POST $path", $fm, "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=$mine"));
refreshed('another client', keyed(), post("POST $path", $js, qq({"grant_type":"refresh_token","refresh_token":"$mine","client_id":"another"})));
refreshed('more fields', keyed(), post("POST $path", $js, qq({"grant_type":"refresh_token","refresh_token":"$mine","scope":"all $mine","audience":"x"})));
refreshed('a name twice', keyed(), post("POST $path", $js, qq({"grant_type":"refresh_token","refresh_token":"x","refresh_token":"$mine"})));
refreshed('a parameter twice', keyed(), post("POST $path", $fm, "grant_type=refresh_token&refresh_token=x&refresh_token=$mine"));
refreshed('as text', keyed(), post("POST $path", 'text/plain', $json));
refreshed("another agent's", keyed(), post("POST $path", $js, qq({"grant_type":"refresh_token","refresh_token":"$theirs"})));
refreshed('a second request', keyed(), "GET /v1/check HTTP/1.1\r\nHost: $K\r\nX-Drill-Way: 1\r\n\r\n" . post("POST $path", $js, $json));
no_way();`}`,
    remains:
      'what a sign-in of a store has besides: TLS, the file that new tokens are kept in, several who ask at once, which tests of the gateway try',
  }),
];
