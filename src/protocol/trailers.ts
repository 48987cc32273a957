import type { Header } from './http1.ts';

/** Fields that say where a message goes, how it is framed or read, or who sends it: none of them may come after the content, where a
 *  receiver that merges trailers into the head would believe them (RFC 9110, 6.5.1). */
const NEVER = new Set([
  ...['transfer-encoding', 'content-length', 'host', 'connection', 'keep-alive', 'proxy-connection', 'te', 'trailer'],
  ...['upgrade', 'http2-settings', 'expect', 'max-forwards', 'cache-control', 'range', 'if-match', 'if-none-match'],
  ...['if-modified-since', 'if-unmodified-since', 'if-range', 'authorization', 'proxy-authorization', 'cookie'],
  ...['set-cookie', 'www-authenticate', 'proxy-authenticate', 'content-encoding', 'content-type', 'content-range'],
  ...['x-http-method-override', 'x-http-method', 'x-method-override', 'x-original-url', 'x-rewrite-url'],
  ...['location', 'alt-svc', 'age', 'date', 'expires', 'retry-after', 'vary', 'forwarded', 'origin'],
]);

/** What of a message's trailers goes on. */
export function passingTrailers(trailers: readonly Header[]): Header[] {
  return trailers.filter(([name]) => !NEVER.has(name.replaceAll('_', '-')));
}
