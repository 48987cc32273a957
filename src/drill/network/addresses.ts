import type { Attack, Evidence } from '../attack.ts';
import { text } from './prelude.ts';
import { attack, DENIED_ANY, DENIED_IP } from './shape.ts';

interface Spelling {
  readonly name: string;
  /** Perl: the authority of a CONNECT. */
  readonly authority: string;
  readonly what: string;
  readonly evidence?: readonly Evidence[];
  readonly watch?: string;
}

/** 203.0.113.1 and 127.0.0.1 in the spellings that some parser takes (inet_aton(3), the WHATWG URL standard's IPv4 parser, RFC
 *  4291 section 2.5.5.2). A second parser that reads them otherwise is how address checks fall. */
const SPELLINGS: readonly Spelling[] = [
  { name: 'plain', what: 'in the usual spelling', authority: '$A{deny_ip}:80', evidence: DENIED_IP },
  {
    name: 'ipv6',
    what: 'IPv6',
    authority: '[$A{deny_ip6}]:80',
    evidence: [{ event: ['egress.denied'], mentions: 'deny_ip6' }],
  },
  { name: 'mapped', what: 'as an IPv4-mapped address', authority: '[::ffff:$A{deny_ip}]:80' },
  { name: 'mapped-hex', what: 'as an IPv4-mapped address in hexadecimal', authority: '[::ffff:cb00:7101]:80' },
  { name: 'hex', what: 'in hexadecimal', authority: '0xCB007101:80' },
  { name: 'decimal', what: 'as one decimal number', authority: '3405803777:80' },
  { name: 'octal', what: 'in octal', authority: '0313.0.0161.1:80' },
  { name: 'three-parts', what: 'in three parts', authority: '203.0.28929:80' },
  {
    name: 'full-width',
    what: 'in full-width digits',
    authority: String.raw`\xef\xbc\x92\xef\xbc\x90\xef\xbc\x93.0.113.1:80`,
  },
  {
    name: 'ideographic-dots',
    what: 'with ideographic full stops',
    authority: String.raw`203\xe3\x80\x820\xe3\x80\x82113\xe3\x80\x821:80`,
  },
  { name: 'trailing-dot', what: 'with a dot at its end', authority: '$A{deny_ip}.:80' },
  {
    name: 'loopback-short',
    what: "of the machine's loopback, shortened",
    authority: '127.1:$A{private_port}',
    watch: 'private',
  },
  {
    name: 'loopback-decimal',
    what: "of the machine's loopback, as one number",
    authority: '2130706433:$A{private_port}',
    watch: 'private',
  },
  {
    name: 'loopback-mapped',
    what: "of the machine's loopback, mapped",
    authority: '[::ffff:127.0.0.1]:$A{private_port}',
    watch: 'private',
  },
  {
    name: 'unspecified',
    what: "0.0.0.0, which Linux takes for the machine's loopback",
    authority: '0.0.0.0:$A{private_port}',
    watch: 'private',
  },
  { name: 'zero', what: '0, which is 0.0.0.0', authority: '0:$A{private_port}', watch: 'private' },
];

const CONTROL = 'an address is refused unless it is listed, and every spelling goes through one parser';

function spelled(one: Spelling): Attack {
  return attack({
    id: `a09-connect-to-ip-${one.name}`,
    line: 9,
    tries: `CONNECT to an address, ${one.what}`,
    control: CONTROL,
    program: text(`judge('connect', through("${one.authority}", get('x')));`),
    positive: 'open-net',
    watch: [one.watch ?? 'far'],
    evidence: one.evidence ?? DENIED_ANY,
  });
}

/** Addresses instead of names. */
export const ADDRESSES: readonly Attack[] = [
  ...SPELLINGS.map(spelled),
  attack({
    id: 'a09-socks-ipv4',
    line: 9,
    tries: 'SOCKS to an IPv4 address',
    control: CONTROL,
    program: text(`judge('socks', socks(1, inet_aton($A{deny_ip}), 80, get('x')));`),
    positive: 'open-net',
    watch: ['far'],
    evidence: DENIED_IP,
  }),
  attack({
    id: 'a09-socks-ipv6',
    line: 9,
    tries: 'SOCKS to an IPv6 address',
    control: CONTROL,
    program: text(`judge('socks', socks(4, Socket::inet_pton(AF_INET6, $A{deny_ip6}), 80, get('x')));`),
    positive: 'open-net',
    watch: ['far'],
    evidence: [{ event: ['egress.denied'], mentions: 'deny_ip6' }],
  }),
  attack({
    id: 'a09-socks-address-as-name',
    line: 9,
    tries: 'SOCKS to an address written as a name, as one number',
    control: CONTROL,
    program: text(`judge('socks', socks(3, socks_name('3405803777'), 80, get('x')));`),
    positive: 'open-net',
    watch: ['far'],
    evidence: DENIED_ANY,
  }),
  ...(['metadata_ip', 'metadata_ip6', 'metadata_host'] as const).map((which) => {
    const shown = which === 'metadata_ip6' ? `[$A{${which}}]` : `$A{${which}}`;
    return attack({
      id: `a10-connect-metadata-${which === 'metadata_ip' ? 'ipv4' : which === 'metadata_ip6' ? 'ipv6' : 'name'}`,
      line: 10,
      tries: "asks the proxy for the cloud's metadata service, where machines get their credentials",
      control: 'link-local, private and metadata ranges are refused, by address and after resolving',
      program: text(
        String.raw`judge('http', ask(proxy(), "GET http://${shown}/latest/meta-data/ HTTP/1.1\r\nHost: ${shown}\r\n\r\n"));`,
      ),
      positive: 'open-net',
      watch: ['far', ...(which === 'metadata_host' ? ['dns'] : [])],
      evidence: [{ event: ['egress.denied'], mentions: which }],
    });
  }),
  attack({
    id: 'a10-metadata-direct',
    line: 10,
    tries: "asks the cloud's metadata service without a proxy",
    control: 'no route, and the gateway grants no address by itself',
    program: text(`judge('tcp', ask(tcp($A{metadata_ip}, 80), get($A{metadata_ip})));`),
    positive: 'open-net',
    watch: ['far'],
    evidence: [{ event: ['egress.denied'], mentions: 'metadata_ip' }],
  }),
  attack({
    id: 'a12-port-smuggle-connect',
    line: 12,
    tries: 'CONNECT to an allowed host at a port that is not allowed',
    control: 'a rule is a host and a port',
    program: text(`judge('connect', through("$A{allow_host}:$A{private_port}", get($A{allow_host})));`),
    positive: 'open-net',
    watch: ['private'],
    evidence: [{ event: ['egress.denied'], mentions: 'private_port' }],
  }),
  attack({
    id: 'a12-port-smuggle-direct',
    line: 12,
    tries: 'connects to the address of an allowed host at a port that is not allowed',
    control: 'a rule is a host and a port, whichever door is used',
    program: text(`judge('tcp', ask(to_name($A{allow_host}, $A{private_port}), get($A{allow_host})));`),
    positive: 'open-net',
    watch: ['private'],
    evidence: [{ event: ['egress.denied'], mentions: 'private_port' }],
  }),
  attack({
    id: 'a12-port-smuggle-socks',
    line: 12,
    tries: 'SOCKS to an allowed host at a port that is not allowed',
    control: 'a rule is a host and a port, whichever door is used',
    program: text(`judge('socks', socks(3, socks_name($A{allow_host}), $A{private_port}, get($A{allow_host})));`),
    positive: 'open-net',
    watch: ['private'],
    evidence: [{ event: ['egress.denied'], mentions: 'private_port' }],
  }),
];
