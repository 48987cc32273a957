import { echoed, frameOf, isAstray, isWebSocket, keyIn } from './echo.ts';
import { holdsValue } from './keys.ts';
import { isGranted } from './lenient.ts';
import { isForToken, isOfAgent, tokenAnswer } from './signing-in.ts';

/** What a target of the arena says to the bytes it got. It is as lenient as the worst server in the world: it takes every
 *  spelling of a request, because the question is what *reached* it. Pure; the sockets are in targets.ts. */
export interface Target {
  /** Given to whoever reached what it must not. */
  readonly token: string;
  /** Given to whoever reached this target under one of its own names. */
  readonly allowToken: string;
  /** The names it is allowed under; a target that nobody may reach has none. */
  readonly names: readonly string[];
  /** Where `/redirect` leads. */
  readonly redirect: string;
  /** The drill's key: whoever has brought that here has brought it too far. */
  readonly value?: string;
  /** What it is refreshed with. */
  readonly refresh?: string;
  /** `ruled`: only some requests are granted here; `keyed`: it is what the key is for. */
  readonly is?: 'ruled' | 'keyed';
}

export interface Heard {
  readonly reply: Buffer;
  /** How many requests or greetings under a name that is not its own: for a target without names, all of them. */
  readonly foreign: number;
  readonly own: number;
  /** The last request is whole and asked for the connection to be closed. */
  readonly last: boolean;
}

const NOTHING: Heard = { reply: Buffer.alloc(0), own: 0, foreign: 0, last: false };

/** @param bytes  everything a connection has sent so far; while a head is incomplete nothing was heard yet */
export function heard(bytes: Buffer, target: Target): Heard {
  const text = bytes.toString('latin1');
  if (text.startsWith('PRI * HTTP/2.0')) return said(target, true, (token) => token);
  if (bytes[0] === 0x16) {
    if (bytes.length < 5 || bytes.length < 5 + bytes.readUInt16BE(3)) return NOTHING;
    const names = target.names.filter((name) => text.includes(name));
    const encrypted = bytes.includes(Buffer.from([0xfe, 0x0d]));
    // A fatal alert, so that no client waits for more, then the token.
    return said(target, names.length === 0 || encrypted, (token) => `\x15\x03\x03\x00\x02\x02\x28${token}`);
  }
  const requests = split(text);
  if (requests.length === 0 && /^[A-Z]+ +\S/.test(text)) return NOTHING;
  if (requests.length === 0) return said(target, true, (token) => token);
  let own = 0;
  let foreign = 0;
  let reply = '';
  for (const request of requests) {
    if (target.is === 'keyed' && isForToken(request.path)) {
      if (!request.whole) break;
      const { value = '', refresh = '' } = target;
      const brought = holdsValue(text, refresh);
      if (brought && isOfAgent(request.head)) foreign += 1;
      else own += 1;
      reply += tokenAnswer(value, brought ? refresh : undefined);
      continue;
    }
    const isNamedSo =
      request.hosts.length === 1 && target.names.some((name) => isNamed(hostname(request.hosts[0]), name));
    const isOwn = isNamedSo && isWelcome(request, target);
    const upgrade = /^upgrade:\s*h2c/im.test(request.head);
    if (isOwn && !upgrade) own += 1;
    else foreign += 1;
    if (target.is === 'keyed' && isOwn && !upgrade) {
      const key = keyIn(request) ?? '';
      reply += echoed(request, key, key === '' ? 'nobody' : target.allowToken);
      continue;
    }
    const body = isOwn && !upgrade ? target.allowToken : target.token;
    const status = upgrade
      ? '101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c'
      : request.path.includes('/redirect')
        ? `302 Found\r\nLocation: ${target.redirect}`
        : '200 OK';
    reply += `HTTP/1.1 ${status}\r\nX-Arena: ${body}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  }
  if (target.value !== undefined && tooFar(text, requests, target)) {
    foreign += 1;
    reply += requests.some(isWebSocket) ? frameOf(target.token) : target.token;
  }
  const final = requests.at(-1);
  const last = final?.whole === true && /^connection:[ \t]*close/im.test(final.head);
  return { reply: Buffer.from(reply, 'latin1'), own, foreign, last };
}

/** Somebody else's key is one that the agent carries things out under. */
function isWelcome(request: LaxRequest, { is, value }: Target): boolean {
  if (is === 'ruled') return isGranted(request);
  if (is !== 'keyed') return true;
  const key = keyIn(request);
  return key === value || (key === '' && !/^authorization|^x-drill-key/im.test(request.head));
}

function tooFar(text: string, requests: readonly LaxRequest[], { value = '', refresh, is }: Target): boolean {
  if (refresh !== undefined && holdsValue(text, refresh) && !requests.some(({ path }) => isForToken(path))) return true;
  return is === 'keyed' ? isAstray(text, requests, value) : holdsValue(text, value);
}

function said(target: Target, foreign: boolean, shape: (token: string) => string): Heard {
  const token = foreign ? target.token : target.allowToken;
  return { reply: Buffer.from(shape(token), 'latin1'), own: foreign ? 0 : 1, foreign: foreign ? 1 : 0, last: false };
}

/** A name that starts with a dot stands for everything below it. */
function isNamed(host: string, name: string): boolean {
  return host === name || (name.startsWith('.') && host.endsWith(name));
}

function hostname(value: string | undefined): string {
  return (value ?? '').replace(/:\d+$/, '').toLowerCase();
}

interface LaxRequest {
  readonly path: string;
  readonly head: string;
  readonly hosts: readonly string[];
  /** Its body has ended. A request counts from its head on, but nobody hangs up in the middle of one. */
  readonly whole: boolean;
}

/** Cuts a connection's bytes into requests the way the path asks: `/te` trusts anything that looks like chunked, all others the
 *  first Content-Length. Two readings of the same bytes are what request smuggling lives on (RFC 9112 section 11.2). */
function split(text: string): LaxRequest[] {
  const found: LaxRequest[] = [];
  let rest = text.replace(/^[\r\n]+/, '');
  while (found.length < 10) {
    const end = /\r?\n\r?\n/.exec(rest);
    const line = /^[A-Z]+ +(\S+)/.exec(rest);
    if (!end || !line) break;
    const head = rest.slice(0, end.index);
    const hosts = [...head.matchAll(/^host[ \t]*:[ \t]*(.*?)[ \t]*\r?$/gim)].map((match) => match[1] ?? '');
    const body = rest.slice(end.index + end[0].length);
    const chunked = /transfer-encoding[\s\S]{0,8}?:?[\s\S]{0,8}?chunked/i.test(head);
    const length = Number(/^content-length[ \t]*:[ \t]*\+?(\d+)/im.exec(head)?.[1] ?? 0);
    const trustsChunks = (line[1] ?? '').includes('/te');
    const byChunks = chunked && (trustsChunks || !/^content-length/im.test(head));
    const after = byChunks ? afterChunks(body) : body.length < length ? undefined : body.slice(length);
    found.push({ path: line[1] ?? '', head, hosts, whole: after !== undefined });
    rest = (after ?? '').replace(/^[\r\n]+/, '');
  }
  return found;
}

/** @returns undefined while the last chunk is missing */
function afterChunks(body: string): string | undefined {
  let at = 0;
  for (;;) {
    const size = /^([0-9a-f]+)[^\n]*\n/i.exec(body.slice(at));
    if (!size) return undefined;
    at += size[0].length;
    const length = Number.parseInt(size[1] ?? '0', 16);
    if (length === 0) return body.slice(at).replace(/^\r?\n/, '');
    at += length + 2;
  }
}
