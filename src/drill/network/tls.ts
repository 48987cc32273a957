import type { Attack } from '../attack.ts';
import { text } from './prelude.ts';
import { attack, DENIED_HOST } from './shape.ts';

const AGREE = 'the name asked for, the SNI and the Host header must be the same';
const AT_PORT = [{ event: ['egress.denied'], mentions: 'allow_port' }];

/** What a TLS greeting says, against where it goes. Passed-through TLS is held to its SNI. */
export const TLS: readonly Attack[] = [
  attack({
    id: 'a16-sni-fronting-direct',
    line: 16,
    tries: 'connects to an allowed host and greets it with the SNI of another',
    control: AGREE,
    program: text(String.raw`judge('tls', ask(to_name($A{allow_host}, $A{allow_port}), client_hello($A{deny_host})));`),
    positive: 'open-net',
    watch: ['allow'],
    evidence: DENIED_HOST,
  }),
  attack({
    id: 'a16-sni-fronting-connect',
    line: 16,
    tries: 'CONNECT to an allowed host, with the SNI of another inside',
    control: AGREE,
    program: text(String.raw`judge('connect', through("$A{allow_host}:$A{allow_port}", client_hello($A{deny_host})));`),
    positive: 'open-net',
    watch: ['allow'],
    evidence: DENIED_HOST,
  }),
  attack({
    id: 'a16-sni-fronting-socks',
    line: 16,
    tries: 'SOCKS to an allowed host, with the SNI of another inside',
    control: AGREE,
    program: text(
      String.raw`judge('socks', socks(3, socks_name($A{allow_host}), $A{allow_port}, client_hello($A{deny_host})));`,
    ),
    positive: 'open-net',
    watch: ['allow'],
    evidence: DENIED_HOST,
  }),
  attack({
    id: 'a16-host-in-tunnel',
    line: 16,
    tries: 'CONNECT to an allowed host, with a plain request for another inside',
    control: AGREE,
    program: text(String.raw`judge('connect', through("$A{allow_host}:$A{allow_port}", get($A{deny_host})));`),
    positive: 'open-net',
    watch: ['allow'],
    evidence: DENIED_HOST,
    remains: 'another Host inside TLS whose SNI is right: seen only by interception, step 4',
  }),
  attack({
    id: 'a17-no-sni',
    line: 17,
    tries: 'greets an allowed host without any SNI',
    control: 'TLS without a name is refused where it is not intercepted',
    program: text(String.raw`judge('tls', ask(to_name($A{allow_host}, $A{allow_port}), client_hello(undef)));`),
    positive: 'open-net',
    watch: ['allow'],
    evidence: AT_PORT,
  }),
  attack({
    id: 'a17-ech',
    line: 17,
    tries: 'greets an allowed host with the real name encrypted (ECH)',
    control: 'a hidden name is refused where TLS is not intercepted',
    // RFC 9849 (encrypted_client_hello, outer): type, KDF and AEAD, config id, enc, payload.
    program: text(String.raw`
my $hidden = pack('C n n C', 0, 1, 1, 7) . pack('n', 32) . ('e' x 32) . pack('n', 64) . ('p' x 64);
my $extension = pack('n n', 0xfe0d, length $hidden) . $hidden;
judge('tls', ask(to_name($A{allow_host}, $A{allow_port}), client_hello($A{allow_host}, $extension)));`),
    positive: 'open-net',
    watch: ['allow'],
    evidence: AT_PORT,
  }),
  attack({
    id: 'a17-split-hello',
    line: 17,
    tries: 'cuts its greeting into records of a few bytes, so that the SNI is in none of them whole',
    control: 'the greeting is put together before it is judged',
    program: text(String.raw`
my $hello = substr client_hello($A{deny_host}), 5;
my $cut = join '', map { "\x16\x03\x01" . pack('n', length $_) . $_ } unpack '(a7)*', $hello;
judge('tls', ask(to_name($A{allow_host}, $A{allow_port}), $cut));`),
    positive: 'open-net',
    watch: ['allow'],
    evidence: DENIED_HOST,
  }),
];
