// Malformed requests from a seed: everything that two parsers of HTTP/1 have been known to read differently. The agent may not ask for MARKER;
// each tries to have it asked for all the same, or to be taken for a request to somewhere else.
export const MARKER = '/smuggled';

export type Random = (below: number) => number;

/** mulberry32 */
export function random(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** @param host  the value of Host that is right. @returns Latin-1 */
export type Kind = (r: Random, host: string) => string;

const pick = <T>(r: Random, list: readonly T[]): T => list[r(list.length)] as T;
const second = (host: string, more: string = '\r\n'): string => `GET ${MARKER} HTTP/1.1\r\nHost: ${host}\r\n${more}`;
const post = (host: string, lines: string, body: string): string =>
  `POST /echo HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n${body}`;
const hex = (text: string): string => text.length.toString(16);
const chunk = (text: string, more: string = ''): string => `${hex(text)}${more}\r\n${text}\r\n`;

const LENGTHS = [
  '0',
  '+5',
  '-5',
  '5, 5',
  '5,6',
  '0x5',
  '05',
  '000000000000000005',
  '5 ',
  '\t5',
  '5 5',
  '5;',
  '5\v',
  '\xd9\xa5',
  '1e1',
  '5.0',
  '0b101',
];
const LARGE = ['99999999999999999999', '18446744073709551621', '9007199254740993', '4294967301', '999999999999999'];
const CODINGS = [
  'chunked',
  ' chunked',
  'chunked ',
  '\tchunked',
  '\vchunked',
  '"chunked"',
  'Chunked',
  'CHUNKED',
  'xchunked',
  'chunkedx',
  'chunked, identity',
  'identity, chunked',
  'identity',
  'gzip, chunked',
  'chunked, chunked',
  'chunked;x=y',
  'chunked,',
  ',chunked',
  'chunk',
  'chu\0nked',
  'chunked\r',
  'chunked\x85',
  '\r\n chunked',
  '\n chunked',
  'x\r\n chunked',
];
const NAMES = [
  'Transfer-Encoding',
  'transfer-encoding',
  'Transfer-Encoding ',
  ' Transfer-Encoding',
  'Transfer_Encoding',
  'Transfer-Encoding\t',
  'Transfer-Encoding\0',
  'X: y\nTransfer-Encoding',
  'X: y\rTransfer-Encoding',
  '\r\nTransfer-Encoding',
  'Tr\xe4nsfer-Encoding',
];
const ENDS = [
  '\n',
  '\r',
  '\r\r\n',
  '\n\r',
  '\0',
  '\v',
  '\f',
  '\x85',
  '\xe2\x80\xa8',
  '\r\n\r\n',
  '\n\n',
  '\r\n\n',
  '\n\r\n',
];
const HOSTS = [
  'deny.test',
  'deny.test:80',
  'allow.test@deny.test',
  'allow.test.',
  'ALLOW.TEST',
  'allow.test:0',
  'allow.test:99999',
  '',
  ' ',
  'allow.test, deny.test',
  '203.0.113.11',
  '[::1]',
  'allow%2etest',
  'allow.test\0',
  'allow.test/',
  'allow.test:80:80',
  'xn--allow.test',
  'allo\xe1\xba\x83.test',
];
const PATHS = [
  '/echo/../smuggled',
  '/echo/%2e%2e/smuggled',
  '/echo/.%2e/smuggled',
  '/echo/..%2fsmuggled',
  '/echo/%252e%252e/smuggled',
  '/echo/..\\smuggled',
  '/echo/..;/smuggled',
  '//smuggled',
  '/./smuggled',
  '/%73muggled',
  '/smuggled%00',
  '/echo/%2e%2e%2fsmuggled',
  '/echo#/../smuggled',
  '/echo#/../../smuggled',
  '/echo/a#/../../smuggled',
  '/echo?/../../smuggled',
  '/smuggled?',
  '/smuggled#/echo',
  '/echo/%c0%ae%c0%ae/smuggled',
  '/echo/%u002e%u002e/smuggled',
  '/echo/..',
  '/echo\\..\\smuggled',
  '/echo/%5c../smuggled',
  '/echo/;/../smuggled',
  '\\smuggled',
  'smuggled',
  '/echo/\x80',
  '*',
  '/echo/../echo/../smuggled',
  '/%2fsmuggled',
  '/echo/%0d%0aX:%20y',
  '/echo%20HTTP/1.1%0d%0a',
  '/echo/...//smuggled',
  '/echo/%2E./smuggled',
  '/echo/%e2%80%a5/smuggled',
];

/** Each a way of having two readings. */
export const KINDS: Readonly<Record<string, Kind>> = {
  'CL.TE': (r, h) => {
    const [length, body] = [String(r(60)), `0\r\n\r\n${second(h)}`];
    return post(h, `Content-Length: ${r(3) ? body.length : length}\r\nTransfer-Encoding: chunked\r\n`, body);
  },
  'TE.CL': (r, h) =>
    post(h, `Transfer-Encoding: chunked\r\nContent-Length: ${r(8)}\r\n`, `${chunk(second(h))}0\r\n\r\n`),
  'TE.TE': (r, h) => {
    const [body, name, coding] = [`0\r\n\r\n${second(h)}`, pick(r, NAMES), pick(r, CODINGS)];
    const other = r(2)
      ? `Content-Length: ${body.length}\r\n`
      : r(2)
        ? `Transfer-Encoding: ${pick(r, CODINGS)}\r\n`
        : '';
    return post(h, r(2) ? `${name}:${coding}\r\n${other}` : `${other}${name}: ${coding}\r\n`, body);
  },
  lengths: (r, h) => {
    const value = pick(r, r(3) ? LENGTHS : LARGE);
    const more = r(2)
      ? ''
      : `${pick(r, ['Content-Length', 'content-length', 'Content_Length', 'Content-Length '])}: ${pick(r, LENGTHS)}\r\n`;
    return post(h, `Content-Length: ${value}\r\n${more}`, `hello${second(h)}`);
  },
  'bare line ends': (r, h) => {
    const text = post(h, `X-A: b${pick(r, ENDS)}Content-Length: ${r(2) ? 0 : second(h).length}\r\n`, second(h));
    return r(3) ? text : text.replaceAll('\r\n', pick(r, ENDS));
  },
  'obs-fold': (r, h) =>
    post(
      h,
      `X-A: b\r\n${pick(r, [' ', '\t', ' \t'])}${pick(r, ['Content-Length: 0', 'Transfer-Encoding: chunked', 'Host: deny.test'])}\r\n`,
      `0\r\n\r\n${second(h)}`,
    ),
  'chunk extensions': (r, h) => {
    const extension = pick(r, [
      ';',
      ';a',
      ';a=b',
      ';a="b\r\nc"',
      ';a=b\n',
      '\n',
      ' ',
      '\t;x',
      ';\r',
      ';\0',
      `;${'x'.repeat(r(6000))}`,
      ';a="\\"',
      ' 0',
      ';a=b\r',
    ]);
    const size = pick(r, [
      '5',
      '05',
      '0x5',
      '5 ',
      ' 5',
      '+5',
      '-5',
      '5h',
      '00000000000000000005',
      'fffffffffffffffb',
      '100000005',
      '',
    ]);
    const end = pick(r, [
      '0\r\n\r\n',
      '0\n\n',
      '0\r\n',
      '00\r\n\r\n',
      '0;x\r\n\r\n',
      '0\r\nContent-Length: 5\r\n\r\n',
      '0\r\nHost: deny.test\r\n\r\n',
      '0\r\nX : y\r\n\r\n',
      '0\r\n X: y\r\n\r\n',
      '0\r\n\n',
    ]);
    return post(
      h,
      'Transfer-Encoding: chunked\r\n',
      `${size}${extension}\r\nhello${pick(r, ['\r\n', '\n', 'xx', '\r\nX', ''])}${end}${second(h)}`,
    );
  },
  Host: (r, h) => {
    const other = pick(r, HOSTS);
    const form = r(6);
    if (form === 0) return `GET /echo HTTP/1.1\r\nHost: ${h}\r\nHost: ${other}\r\n\r\n${second(h)}`;
    if (form === 1) return `GET /echo HTTP/1.1\r\nHost: ${other}\r\n\r\n${second(h)}`;
    if (form === 2) return `GET http://${other}${MARKER} HTTP/1.1\r\nHost: ${h}\r\n\r\n`;
    if (form === 3) return `GET http://${h}${pick(r, PATHS)} HTTP/1.1\r\nHost: ${other}\r\n\r\n`;
    if (form === 4)
      return `GET /echo HTTP/1.1\r\n${pick(r, [' Host', 'Host ', 'Host\0', 'X-Forwarded-Host', 'X-Host', 'hOST', 'H\x00ost'])}: ${other}\r\nHost: ${h}\r\n\r\n${second(h)}`;
    return `GET ${pick(r, ['https://', 'HTTP://', 'ftp://', '//', 'http:/', 'http:', 'http://x@', 'ws://'])}${h}${MARKER} HTTP/1.1\r\nHost: ${h}\r\n\r\n`;
  },
  fields: (r, h) =>
    post(
      h,
      `${pick(r, ['X-A : b', 'X-A\t: b', ': b', 'X A: b', 'X-A', 'X-\xe9: b', 'X-A: b\0c', 'X-A: b\x7f', '\0: x', 'X-A:b\x01', 'X(A): b', `X-A: ${'y'.repeat(r(40_000))}`, `X-${'z'.repeat(r(9000))}: 1`])}\r\nContent-Length: 0\r\n`,
      second(h),
    ),
  versions: (r, h) => {
    const version = pick(r, [
      'HTTP/0.9',
      'HTTP/1.0',
      'HTTP/1.2',
      'HTTP/2.0',
      'HTTP/3',
      'http/1.1',
      'HTTP/1.1 ',
      'HTTP/01.1',
      'HTTP/1.10',
      'HTTP /1.1',
      'HTP/1.1',
      'HTTP/1,1',
      '',
      'HTTP/11',
      'ICY',
      'HTTP/-1.1',
      'HTTP/1.1\t',
    ]);
    const keep = pick(r, [
      '',
      'Connection: keep-alive\r\n',
      'Keep-Alive: timeout=9\r\n',
      'Transfer-Encoding: chunked\r\n',
      'Content-Length: 5\r\n',
    ]);
    return `${pick(r, ['GET', 'POST', 'get', 'HEAD'])}${pick(r, [' ', '  ', '\t', '\v', ''])}/echo${version === '' ? '' : ' '}${version}\r\nHost: ${h}\r\n${keep}\r\n${r(2) ? 'hello' : ''}${second(h)}`;
  },
  upgrade: (r, h) => {
    const to = pick(r, ['websocket', 'h2c', 'WebSocket', 'websocket, h2c', 'TLS/1.0', 'HTTP/2.0', 'connect-udp']);
    const key = pick(r, [
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n',
      'Sec-WebSocket-Version: 777\r\n',
      'HTTP2-Settings: AAMAAABkAAQAAP__\r\n',
      '',
    ]);
    return `${pick(r, ['GET', 'POST', 'CONNECT', 'OPTIONS', 'PRI'])} ${pick(r, ['/echo', '*', h])} HTTP/1.1\r\nHost: ${h}\r\nConnection: ${pick(r, ['Upgrade', 'upgrade, HTTP2-Settings', 'keep-alive', 'close, Upgrade'])}\r\nUpgrade: ${to}\r\n${key}\r\n${second(h)}`;
  },
  Connection: (r, h) => {
    const named = pick(r, [
      'content-length',
      'host',
      'transfer-encoding',
      'close, content-length',
      'X-A',
      'x-a, Host',
      'Content-Length\t',
      ',',
      '"content-length"',
      'keep-alive, Transfer-Encoding',
      'expect',
      'cookie',
    ]);
    return post(
      h,
      `Connection: ${named}\r\nX-A: b\r\n${r(2) ? 'Content-Length: 5' : 'Transfer-Encoding: chunked'}\r\n`,
      `5\r\nhello\r\n0\r\n\r\n${second(h)}`,
    );
  },
  pipelined: (r, h) => {
    const first = pick(r, ['GET /echo', 'HEAD /echo', 'OPTIONS *', 'DELETE /echo/x', 'TRACE /echo', 'GET /echo?x=1']);
    return `${first} HTTP/1.1\r\nHost: ${h}\r\n${pick(r, ['', 'Expect: 100-continue\r\n', 'Content-Length: 0\r\n', `Content-Length: ${second(h).length}\r\n`, 'Expect: x\r\n', 'TE: trailers\r\n', 'Trailer: Host\r\n'])}\r\n${pick(r, ['', '\r\n', '\n', '\r\n\r\n', ' ', '\0', 'X'])}${second(h, pick(r, ['\r\n', 'X: ']))}${r(2) ? `GET /echo HTTP/1.1\r\nHost: ${h}\r\n\r\n` : ''}`;
  },
  paths: (r, h) =>
    `${pick(r, ['GET', 'POST'])} ${pick(r, PATHS)}${r(4) ? '' : pick(r, ['?', '#', '?a=b', '/..', '%20', ' '])} HTTP/1.1\r\nHost: ${h}\r\n${pick(r, ['', 'X-Original-URL: /smuggled\r\n', 'X-Rewrite-URL: /smuggled\r\n', 'X-HTTP-Method-Override: PUT\r\n', 'Content-Length: 0\r\n'])}\r\n`,
  bodies: (r, h) =>
    post(
      h,
      `${pick(r, ['GET', ''])}${pick(r, ['Content-Length: 3', 'Content-Length: 500', 'Content-Type: multipart/byteranges; boundary=x', 'Expect: 100-continue\r\nContent-Length: 5', 'Transfer-Encoding: chunked'])}\r\n`,
      pick(r, [
        'hello',
        `${chunk('hello')}${chunk(second(h))}0\r\n\r\n`,
        `3\r\nhello\r\n0\r\n\r\n${second(h)}`,
        '',
        second(h),
      ]),
    ),
};

const ODD = [
  '\r',
  '\n',
  '\r\n',
  '\n\n',
  '\0',
  ' ',
  '\t',
  '\v',
  ':',
  ';',
  ',',
  '%2e',
  '/../',
  '#',
  '\xe9',
  '\x85',
  '0',
  '-1',
  '+5',
  '0x5',
  'Content-Length: 0\r\n',
  'Content-Length: 6\r\n',
  'content-length : 3\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding:\x0bchunked\r\n',
  ' Transfer-Encoding: chunked\r\n',
  'Host: deny.test\r\n',
  '\r\n\r\n',
  '0\r\n\r\n',
  ' HTTP/1.1',
  'ffffffffffffffff\r\n',
];

/** One of a kind; every third with something cut out of it or put into it. */
export function malformed(r: Random, host: string): { readonly kind: string; readonly text: string } {
  const kind = pick(r, Object.keys(KINDS));
  let text = (KINDS[kind] as Kind)(r, host);
  if (r(3) === 0)
    for (let cuts = 1 + r(2); cuts > 0; cuts--) {
      const at = r(text.length);
      text = text.slice(0, at) + (r(4) ? pick(r, ODD) : '') + text.slice(at + (r(2) ? 0 : r(14)));
    }
  return { kind, text };
}
