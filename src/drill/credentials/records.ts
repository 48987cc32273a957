import type { Attack } from '../attack.ts';
import { attack } from '../network/shape.ts';
import { KEYED } from './keyed.ts';

/** The watch that is no counter of a target: files of what the product keeps that have the lent key in them (src/host/arena/recorded.ts). In a
 *  control it is what a careless proxy wrote down. */
export const RECORD = 'record';

/** The key is used in every way that may be written down, and then looked for by two: the text, in the files that it can read, and the
 *  drill on the host, in all. */
export const RECORDS: readonly Attack[] = [
  attack({
    id: 'b41-audit-secrets',
    line: 41,
    tries:
      'uses its placeholder in every way that is granted and in some that are not, has the service tell the key back, and looks for it in record, journals and logs',
    control: 'the key is put in behind everything that is recorded; no agent reads the record',
    positive: 'open-net',
    seconds: 40,
    watch: [RECORD],
    evidence: [
      { event: ['secret.used'], mentions: 'keyed_host' },
      { event: ['secret.misused'], mentions: 'keyed_host' },
    ],
    program: `${KEYED}${String.raw`
my $bearer = "Authorization: Bearer $mine";
sub used { my ($name, $bytes) = @_;
  my $fh = keyed();
  my $got = $fh && put($fh, $bytes) ? hear($fh, qr/\r\n\r\n.*(?:end|\})|\Q$A{allow_token}\E/s) : '';
  $got =~ /^(HTTP\/1\.[01] \d+)/ ? push @no, "$name: $1" : failed("$name: $ended") }
used('bearer', to_key('GET /v1/check', $bearer));
used('header', to_key('GET /v1/check', "X-Drill-Key: $mine"));
used('both, with a query', to_key('GET /v1/check?a=b', $bearer, "X-Drill-Key: $mine", "User-Agent: $bearer"));
used('body', to_key('POST /v1/check', $bearer, 'Content-Type: application/json', 'Content-Length: 13') . '{"model":"m"}');
used("told back, $_", to_key("GET /v1/echo-$_", $bearer)) for qw(body header error redirect cookie reason base64);
used('another place', to_key("GET /v1/check?key=$mine"));
used('another path', to_key("GET /v2/$mine", $bearer));
used('no request', "GET /v1/check HTTP/1.1\r\nHost: $K\r\n$bearer\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
my ($read, @files) = (0, split /:/, $A{key_records});
while (defined(my $path = shift @files)) {
  if (opendir my $folder, $path) { push @files, map { "$path/$_" } grep { !/^\.\.?$/ } readdir $folder; next }
  next unless -f $path && open my $file, '<', $path;
  $read++;
  local $/;
  done("the key is in $path") if index(<$file> // '', $value) >= 0;
}
refused(scalar(@no) . " uses; of what is kept it can read $read files");`}`,
    remains: 'the memory of warden and ledger, where tests look for it',
  }),
];
