import type { Attack } from '../attack.ts';
import { text } from './prelude.ts';
import { attack, DENIED_HOST } from './shape.ts';

const AGREE = 'the name asked for, the SNI and the Host header must be the same';

/** What a TLS greeting says, against where it goes. Passed-through TLS is held to its SNI. */
export const TLS: readonly Attack[] = [
  attack({
    id: 'a16-sni-fronting-direct',
    line: 16,
    tries: 'connects to an allowed host and greets it with the SNI of another',
    control: AGREE,
    program: text(`judge('tls', ask(to_name($A{allow_host}, $A{allow_port}), client_hello($A{deny_host})));`),
    positive: 'open-net',
    watch: ['allow'],
    evidence: DENIED_HOST,
  }),
  attack({
    id: 'a16-sni-fronting-connect',
    line: 16,
    tries: 'CONNECT to an allowed host, with the SNI of another inside',
    control: AGREE,
    program: text(`judge('connect', through("$A{allow_host}:$A{allow_port}", client_hello($A{deny_host})));`),
    positive: 'open-net',
    watch: ['allow'],
    evidence: DENIED_HOST,
  }),
  attack({
    id: 'a16-sni-fronting-socks',
    line: 16,
    tries: 'SOCKS to an allowed host, with the SNI of another inside',
    control: AGREE,
    program: text(`judge('socks', socks(3, socks_name($A{allow_host}), $A{allow_port}, client_hello($A{deny_host})));`),
    positive: 'open-net',
    watch: ['allow'],
    evidence: DENIED_HOST,
  }),
  attack({
    id: 'a16-host-in-tunnel',
    line: 16,
    tries: 'CONNECT to an allowed host, with a plain request for another inside',
    control: AGREE,
    program: text(`judge('connect', through("$A{allow_host}:$A{allow_port}", get($A{deny_host})));`),
    positive: 'open-net',
    watch: ['allow'],
    evidence: [{ event: ['egress.denied'], mentions: 'allow_port' }],
    remains: 'another Host inside TLS whose SNI is right: seen only by interception, step 4',
  }),
  attack({
    id: 'a16-sni-fronting-443',
    line: 16,
    tries: 'connects to port 443 of an allowed host and greets it with the SNI of another',
    control: AGREE,
    program: text('judge("tls", ask(to_name($A{secure_host}, 443), client_hello($A{deny_host})));'),
    positive: 'open-net',
    watch: ['secure'],
    evidence: DENIED_HOST,
  }),
  attack({
    id: 'a17-no-sni',
    line: 17,
    tries: 'greets an allowed host on port 443 without any SNI',
    control: 'TLS without a name is refused where it is not intercepted',
    program: text('judge("tls", ask(to_name($A{secure_host}, 443), client_hello(undef)));'),
    positive: 'open-net',
    watch: ['secure'],
    evidence: [{ event: ['egress.denied'], mentions: 'secure_host' }],
    remains: 'ports other than 443, where a connection without a name is opaque and goes only where it was granted',
  }),
  attack({
    id: 'a17-not-tls',
    line: 17,
    tries: 'speaks something else than TLS to port 443 of an allowed host',
    control: 'on 443 it must be TLS with the right name',
    program: text(String.raw`judge('opaque', ask(to_name($A{secure_host}, 443), "SSH-2.0-drill\r\n"));`),
    positive: 'open-net',
    watch: ['secure'],
    evidence: [{ event: ['egress.denied'], mentions: 'secure_host' }],
  }),
  attack({
    id: 'a17-ech',
    line: 17,
    tries: 'greets an allowed host with the real name encrypted (ECH)',
    control: 'a hidden name is refused where TLS is not intercepted',
    // RFC 9849 (encrypted_client_hello, outer): type, KDF and AEAD, config id, enc, payload.
    program: text(`
my $hidden = pack('C n n C', 0, 1, 1, 7) . pack('n', 32) . ('e' x 32) . pack('n', 64) . ('p' x 64);
my $extension = pack('n n', 0xfe0d, length $hidden) . $hidden;
judge('tls', ask(to_name($A{secure_host}, 443), client_hello($A{secure_host}, $extension)));`),
    positive: 'open-net',
    watch: ['secure'],
    evidence: [{ event: ['egress.denied'], mentions: 'secure_host' }],
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
