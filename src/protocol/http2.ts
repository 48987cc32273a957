import { type Authority, parseAuthority } from './host.ts';
import { type Header, isField, isMethod, isTarget, LONGEST_HEAD, MOST_HEADERS } from './http1.ts';

/** Field sections of HTTP/2 streams (RFC 9113, 8.2 and 8.3), as names and values in turn, looked at once more after the library that decoded
 *  them: what goes on is what HTTP/1.1 could say too, so no translator behind it finds two messages in one. */
export interface StreamHead {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly authority: Authority;
  /** The Host fields, which must name the same. */
  readonly hosts: readonly Authority[];
  /** Without those that name the destination; cookies in one. */
  readonly headers: readonly Header[];
}

export interface StreamAnswer {
  readonly status: number;
  readonly headers: readonly Header[];
}

export const TOO_LONG = 'the head is too long';
const ASKED = [':method', ':scheme', ':authority', ':path'];
/** They are about a connection of HTTP/1.1 (RFC 9113, 8.2.2). */
const CONNECTION = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'http2-settings'];

/** Fields that may stand once in a message (RFC 9110, 5.3, and where each is defined): the library throws for two of them. */
const ONCE = new Set([
  ...['access-control-allow-credentials', 'access-control-max-age', 'access-control-request-method', 'age', 'te'],
  ...['authorization', 'content-encoding', 'content-language', 'content-length', 'content-location', 'content-md5'],
  ...['content-range', 'content-type', 'date', 'dnt', 'etag', 'expires', 'from', 'if-match', 'if-modified-since'],
  ...['if-none-match', 'if-range', 'if-unmodified-since', 'last-modified', 'location', 'max-forwards', 'tk', 'referer'],
  ...['proxy-authorization', 'range', 'retry-after', 'upgrade-insecure-requests', 'user-agent'],
  ...['x-content-type-options'],
]);

/** @returns why what was asked for cannot be said to a server: a field that may stand once stands twice */
function givenTwice(headers: readonly Header[]): string | undefined {
  const seen = new Set<string>();
  for (const [name] of headers) {
    if (ONCE.has(name) && seen.has(name)) return `${name} is given twice`;
    seen.add(name);
  }
  return undefined;
}

/** @returns why it is malformed, or asks for what is not done here */
export function readStreamHead(raw: readonly string[]): StreamHead | string {
  const read = readFields(raw, ASKED);
  if (typeof read === 'string') return read;
  const { pseudo, headers } = read;
  const [method = '', scheme, authority, path = ''] = ASKED.map((name) => pseudo.get(name));
  if (method === 'CONNECT') return 'CONNECT to a server that is no proxy';
  if (!isMethod(method)) return 'malformed :method';
  if (scheme !== 'https') return 'a :scheme other than https';
  if (!isTarget(path) || !(path.startsWith('/') || (path === '*' && method === 'OPTIONS'))) return 'malformed :path';
  if (authority === undefined || authority === '') return 'no :authority';
  const te = headers.filter(([name]) => name === 'te');
  if (te.some(([, value]) => value.toLowerCase() !== 'trailers')) return 'a te other than trailers';
  const twice = givenTwice(headers);
  if (twice !== undefined) return twice;
  const cookies = headers.filter(([name]) => name === 'cookie').map(([, value]) => value);
  const others = headers.filter(([name]) => name !== 'host' && name !== 'cookie');
  return {
    method,
    path,
    authority: parseAuthority(authority),
    hosts: headers.filter(([name]) => name === 'host').map(([, value]) => parseAuthority(value)),
    headers: cookies.length === 0 ? others : [...others, ['cookie', cookies.join('; ')]],
  };
}

/** @returns why it is malformed */
export function readStreamAnswer(raw: readonly string[]): StreamAnswer | string {
  const read = readFields(raw, [':status']);
  if (typeof read === 'string') return read;
  const status = read.pseudo.get(':status') ?? '';
  if (!/^[1-5][0-9]{2}$/.test(status)) return 'malformed :status';
  const kept = read.headers.filter(([name]) => name !== 'alt-svc');
  return { status: Number(status), headers: kept };
}

/** @returns why they are malformed */
export function readStreamTrailers(raw: readonly string[]): readonly Header[] | string {
  const read = readFields(raw, []);
  return typeof read === 'string' ? read : (givenTwice(read.headers) ?? read.headers);
}

/** As the library takes them. */
export function rawFields(headers: readonly Header[]): string[] {
  return headers.flat();
}

function readFields(
  raw: readonly string[],
  allowed: readonly string[],
): { readonly pseudo: ReadonlyMap<string, string>; readonly headers: readonly Header[] } | string {
  const pseudo = new Map<string, string>();
  const headers: Header[] = [];
  let size = 0;
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const [name, value] = [raw[at] as string, raw[at + 1] as string];
    size += name.length + value.length + 32; // as RFC 9113, 10.5.1 counts
    if (size > LONGEST_HEAD || headers.length > MOST_HEADERS) return TOO_LONG;
    if (name.startsWith(':')) {
      if (!allowed.includes(name) || pseudo.has(name) || headers.length > 0)
        return `${name.slice(0, 40)} where it may not be`;
      pseudo.set(name, value);
    } else if (name !== name.toLowerCase() || CONNECTION.includes(name) || !isField(name, value)) {
      return 'a malformed field';
    } else headers.push([name, value]);
  }
  return { pseudo, headers };
}
