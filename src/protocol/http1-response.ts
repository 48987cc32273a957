import { type Framing, type Header, LONGEST_HEAD, MOST_HEADERS, readHeaderLines, valuesOf } from './http1.ts';

/** Heads of HTTP/1.x responses (RFC 9112, 4 and 6.3), read as strictly as those of requests: what a server sends is written anew for the
 *  agent, so a head that two parsers could read differently is none. */
export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly version: '1.0' | '1.1';
  readonly headers: readonly Header[];
}

export type ResponseResult =
  | { readonly kind: 'more' }
  | { readonly kind: 'bad'; readonly why: string }
  | { readonly kind: 'head'; readonly head: ResponseHead; readonly length: number };

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?$/;

export function readResponseHead(bytes: Buffer): ResponseResult {
  const end = bytes.indexOf('\r\n\r\n');
  const shown = bytes.toString('latin1', 0, end < 0 ? Math.min(bytes.length, LONGEST_HEAD) : end);
  if (/(?:^|[^\r])\n|\r(?!\n|$)/.test(shown)) return bad('a line of the head does not end in CR LF');
  if (end < 0 && bytes.length < LONGEST_HEAD) return { kind: 'more' };
  if (end < 0 || end > LONGEST_HEAD) return bad('the head is too long');
  const [first, ...lines] = shown.split('\r\n');
  const parts = STATUS_LINE.exec(first ?? '');
  if (parts === null) return bad('malformed status line');
  if (lines.length > MOST_HEADERS) return bad('too many header lines');
  const headers = readHeaderLines(lines);
  if (headers === undefined) return bad('malformed header line');
  const [, minor, status, reason = ''] = parts;
  const head = { status: Number(status), reason, version: minor === '0' ? '1.0' : '1.1', headers } as const;
  return { kind: 'head', head, length: end + 4 };
}

/** How long the body is (RFC 9112, 6.3). @param method  of the request that it answers */
export function responseFraming(head: ResponseHead, method: string): Framing | { readonly kind: 'close' } {
  const { status } = head;
  const lengths = valuesOf(head, 'content-length');
  const codings = valuesOf(head, 'transfer-encoding');
  if (lengths.length + codings.length > 1) return { kind: 'bad', why: 'the length of the body is given twice' };
  if (lengths.some((text) => !/^[0-9]{1,15}$/.test(text))) return { kind: 'bad', why: 'malformed Content-Length' };
  if (codings.some((text) => text.toLowerCase() !== 'chunked'))
    return { kind: 'bad', why: 'a Transfer-Encoding other than chunked' };
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return { kind: 'none' };
  if (codings.length === 1) return { kind: 'chunked' };
  return lengths.length === 1 ? { kind: 'length', length: Number(lengths[0]) } : { kind: 'close' };
}

const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'te',
  'trailer',
  'upgrade',
  'alt-svc',
];

/** What may not come back is out of the text, or of the name of a field, that it gives. */
export interface Clean {
  readonly name: (name: string) => string;
  readonly text: (text: string) => string;
}

/** The head as it goes to the agent: fields of the connection itself left out; no other service is advertised.
 *  @param clean  what becomes of the reason and of each name and value
 *  @param hop  fields of this hop, ours */
export function agentHead(head: ResponseHead, clean: Clean, hop: readonly Header[]): Buffer {
  const named = valuesOf(head, 'connection').flatMap((value) => value.toLowerCase().split(/[\t ]*,[\t ]*/));
  let lines = `HTTP/1.1 ${head.status} ${clean.text(head.reason)}\r\n`;
  for (const [name, value] of head.headers) {
    const stays = name === 'content-length' || name === 'transfer-encoding';
    if (stays || !(HOP_BY_HOP.includes(name) || named.includes(name)))
      lines += `${clean.name(name)}: ${clean.text(value)}\r\n`;
  }
  for (const [name, value] of hop) lines += `${name}: ${value}\r\n`;
  return Buffer.from(`${lines}\r\n`, 'latin1');
}

/** Whether the server ends the connection after this response (RFC 9112, 9.3). */
export function endsConnection(head: ResponseHead): boolean {
  const values = valuesOf(head, 'connection');
  if (values.length === 0) return head.version === '1.0';
  const said = values.join(',').toLowerCase();
  return /(?:^|,)\s*close\s*(?:,|$)/.test(said) || (head.version === '1.0' && !/keep-alive/.test(said));
}

function bad(why: string): ResponseResult {
  return { kind: 'bad', why };
}
