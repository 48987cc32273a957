import { type Authority, parseAuthority } from './host.ts';

/** HTTP/1.x request heads (RFC 9112), read so strictly that no other parser can read them otherwise: CRLF only, no folding, no
 *  white space before a colon, one Host, one way of framing. The agent controls every byte. What is forwarded is written anew
 *  from the parsed head, never passed on. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly version: '1.0' | '1.1';
  readonly headers: readonly Header[];
}

/** Name in lower case, value without surrounding white space (Latin-1). */
export type Header = readonly [name: string, value: string];

export type HeadResult =
  | { readonly kind: 'more' }
  | { readonly kind: 'bad'; readonly status: number; readonly why: string }
  | { readonly kind: 'head'; readonly head: RequestHead; readonly length: number };

export const LONGEST_HEAD: number = 32 * 1024;
export const MOST_HEADERS = 100;

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}) ([!"$-~]{1,16384}) HTTP\/1\.([01])$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

export function readRequestHead(bytes: Buffer): HeadResult {
  const end = bytes.indexOf('\r\n\r\n');
  const shown = bytes.toString('latin1', 0, end < 0 ? Math.min(bytes.length, LONGEST_HEAD) : end);
  if (/(?:^|[^\r])\n|\r(?!\n|$)/.test(shown)) return bad(400, 'a line of the head does not end in CR LF');
  if (end < 0) return bytes.length >= LONGEST_HEAD ? bad(431, 'the head is too long') : { kind: 'more' };
  if (end > LONGEST_HEAD) return bad(431, 'the head is too long');
  const [first, ...lines] = shown.split('\r\n');
  const parts = REQUEST_LINE.exec(first ?? '');
  if (parts === null) return bad(400, 'malformed request line');
  if (lines.length > MOST_HEADERS) return bad(431, 'too many header lines');
  const headers = readHeaderLines(lines);
  if (headers === undefined) return bad(400, 'malformed header line');
  const [, method = '', target = '', minor] = parts;
  return { kind: 'head', head: { method, target, version: minor === '0' ? '1.0' : '1.1', headers }, length: end + 4 };
}

export function isMethod(text: string): boolean {
  return text.length <= 40 && TOKEN.test(text);
}

export function isTarget(text: string): boolean {
  return /^[!"$-~]{1,16384}$/.test(text); // no fragment (RFC 9112, 3.2): some servers end the path there and some do not
}

/** @param value  without white space around it */
export function isField(name: string, value: string): boolean {
  return TOKEN.test(name) && VALUE.test(value) && !/^[\t ]|[\t ]$/.test(value);
}

/** @returns undefined when one of them is malformed */
export function readHeaderLines(lines: readonly string[]): Header[] | undefined {
  const headers: Header[] = [];
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0));
    const value = trimmed(line, colon + 1);
    if (!TOKEN.test(name) || !VALUE.test(value)) return undefined;
    headers.push([name.toLowerCase(), value]);
  }
  return headers;
}

/** What follows, without the white space around it. */
function trimmed(line: string, at: number): string {
  let from = at;
  let to = line.length;
  while (from < to && isBlank(line.charCodeAt(from))) from++;
  while (to > from && isBlank(line.charCodeAt(to - 1))) to--;
  return line.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Whether the bytes so far may still become what any server takes for the head of an HTTP request, however malformed: blank lines before it
 *  are skipped by most (RFC 9112, 2.2), tabs and the like part words for some, and a line without a version is HTTP/0.9 to others. Both
 *  `yes` and `no` are final. */
export function looksLikeHttp(bytes: Buffer): 'yes' | 'maybe' | 'no' {
  const shown = bytes.toString('latin1', 0, LONGEST_FIRST);
  const text = shown.replace(/^[\r\n]+/, '');
  const end = text.search(/[\r\n]/);
  const line = end < 0 ? text : text.slice(0, end);
  if (end >= 0) return /HTTP\/[0-9]/i.test(line) || WITHOUT_VERSION.test(line) ? 'yes' : 'no';
  if (shown.length === LONGEST_FIRST) return line === '' || ENDLESS_LINE.test(line) ? 'yes' : 'no';
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]{0,40}(?:[\t\v\f ][^\0]*)?$/.test(line) ? 'maybe' : 'no';
}

const LONGEST_FIRST = 16_500;
const WITHOUT_VERSION = /^[A-Z][A-Z-]*[\t\v\f ]+(?:[/*]|[a-z]+:)/;
const ENDLESS_LINE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}[\t\v\f ]+(?:[/*]|[a-z]+:)/i;

export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'bad'; readonly why: string };

/** How long the body is (RFC 9112, 6.3): at most one Content-Length of plain digits, or Transfer-Encoding exactly `chunked`,
 *  never both. */
export function requestFraming(head: RequestHead): Framing {
  const lengths = valuesOf(head, 'content-length');
  const codings = valuesOf(head, 'transfer-encoding');
  if (lengths.length + codings.length > 1) return { kind: 'bad', why: 'the length of the body is given twice' };
  if (codings.length === 1) {
    if (head.version === '1.0') return { kind: 'bad', why: 'Transfer-Encoding in HTTP/1.0' };
    if (codings[0]?.toLowerCase() !== 'chunked') return { kind: 'bad', why: 'a Transfer-Encoding other than chunked' };
    return { kind: 'chunked' };
  }
  if (lengths.length === 0) return { kind: 'none' };
  if (!/^[0-9]{1,15}$/.test(lengths[0] ?? '')) return { kind: 'bad', why: 'malformed Content-Length' };
  return { kind: 'length', length: Number(lengths[0]) };
}

export type Target =
  | { readonly kind: 'origin'; readonly path: string }
  | { readonly kind: 'absolute'; readonly authority: Authority; readonly path: string }
  | { readonly kind: 'authority'; readonly authority: Authority }
  | { readonly kind: 'bad'; readonly why: string };

/** The four forms of RFC 9112, 3.2; asterisk-form counts as origin-form. Only http: has an absolute form here. */
export function requestTarget(head: RequestHead): Target {
  const { method, target } = head;
  if (method === 'CONNECT') return { kind: 'authority', authority: parseAuthority(target) };
  if (target === '*') {
    return method === 'OPTIONS' ? { kind: 'origin', path: '*' } : { kind: 'bad', why: 'an asterisk without OPTIONS' };
  }
  if (target.startsWith('/')) return { kind: 'origin', path: target };
  const parts = /^http:\/\/([^/?#]*)([/?][^#]*)?$/i.exec(target);
  if (parts === null) return { kind: 'bad', why: 'the request target is neither a path nor an http: URL' };
  const path = parts[2] ?? '/';
  return {
    kind: 'absolute',
    authority: parseAuthority(parts[1] ?? ''),
    path: path.startsWith('/') ? path : `/${path}`,
  };
}

/** The one Host field; undefined when there is none or more than one. */
export function onlyHost(head: RequestHead): Authority | undefined {
  const hosts = valuesOf(head, 'host');
  return hosts.length === 1 ? parseAuthority(hosts[0] ?? '') : undefined;
}

export function valuesOf({ headers }: { readonly headers: readonly Header[] }, name: string): readonly string[] {
  const values: string[] = [];
  for (const header of headers) if (header[0] === name) values.push(header[1]);
  return values;
}

/** The items of a field that is a list (RFC 9110, 5.6.1), in lower case. */
export function listed(head: { readonly headers: readonly Header[] }, name: string): readonly string[] {
  const values = valuesOf(head, name);
  return values.length === 0
    ? []
    : values.flatMap((value) =>
        value
          .toLowerCase()
          .split(',')
          .map((item) => item.trim()),
      );
}

const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'proxy-authorization', 'te', 'trailer', 'upgrade'];
const NEVER_HOP = ['host', 'content-length', 'transfer-encoding'];

/** The head without the fields that Connection names, which end at this hop (RFC 9110, 7.6.1), and without Connection: so what is judged is what
 *  goes on. Those that say how it goes on by themselves stay, to be seen. @returns undefined if it names a field that frames the message */
export function withoutNamed<H extends { readonly headers: readonly Header[] }>(head: H): H | undefined {
  const named = listed(head, 'connection');
  if (named.length === 0) return head;
  if (named.some((name) => NEVER_HOP.includes(name))) return undefined;
  const ends = (name: string): boolean => name === 'connection' || (named.includes(name) && !HOP_BY_HOP.includes(name));
  return { ...head, headers: head.headers.filter(([name]) => !ends(name)) };
}

/** The head as it goes upstream: origin-form, this Host, hop-by-hop fields left out (RFC 9110, 7.6.1), one request per
 *  connection unless it `stays`. @returns undefined if Connection names a field that decides where a message goes or ends
 *  @param hop  fields of this hop, ours */
export function upstreamHead(
  head: RequestHead,
  path: string,
  host: string,
  stays: boolean = false,
  hop: readonly Header[] = [],
): Buffer | undefined {
  const named = listed(head, 'connection');
  if (named.some((name) => NEVER_HOP.includes(name))) return undefined;
  const kept = head.headers.filter(
    ([name]) => name !== 'host' && name !== 'http2-settings' && !HOP_BY_HOP.includes(name) && !named.includes(name),
  );
  const lines = [
    `${head.method} ${path} HTTP/1.1`,
    `host: ${host}`,
    ...kept.map(([name, value]) => `${name}: ${value}`),
    ...hop.map(([name, value]) => `${name}: ${value}`),
    ...(stays ? [] : ['connection: close']),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

function bad(status: number, why: string): HeadResult {
  return { kind: 'bad', status, why };
}
