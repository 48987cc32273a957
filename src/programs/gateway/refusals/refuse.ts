import type { Socket } from 'node:net';
import { type ModelApi, refusalBody } from '../../../policy/refusal-body.ts';
import { accessDeniedAlert, looksLikeTls, readClientHello } from '../../../protocol/clienthello.ts';
import { type Header, looksLikeHttp, readRequestHead } from '../../../protocol/http1.ts';
import { firstBytes, sayAndClose } from '../first-bytes.ts';
import { LIMITS } from '../limits.ts';
import type { Explanation } from './denials.ts';

/** A refusal in HTTP: `{denied, rule, ask}` as JSON, and the connection ends. @param api  of the model that was called */
export function sayInHttp(client: Socket, status: number, explanation: Explanation, api?: ModelApi): void {
  const body = `${JSON.stringify(refusalBody(explanation, status, api))}\n`;
  sayAndClose(client, httpText(status, 'application/json', body, api && explanation.ask !== null ? NO_RETRY : []));
}

/** Clients of models try many refusals again, some for minutes; here a person has to act first. Theirs alone know it, so it is told to no others. */
export const NO_RETRY: readonly Header[] = [['x-should-retry', 'false']];

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  202: 'Accepted',
  400: 'Bad Request',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  411: 'Length Required',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  431: 'Request Header Fields Too Large',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
};

export function httpText(status: number, type: string, body: string, more: readonly Header[] = []): string {
  const lines = [
    `HTTP/1.1 ${status} ${REASONS[status] ?? 'Refused'}`,
    `content-type: ${type}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    ...more.map(([name, value]) => `${name}: ${value}`),
    'connection: close',
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

export function sayInTls(client: Socket): void {
  sayAndClose(client, accessDeniedAlert());
}

/** Tells a refused client why, in the protocol it speaks, if it speaks one we know; else a reset. */
export async function explain(client: Socket, explanation: Explanation): Promise<void> {
  const first = await firstBytes(client, recognised, LIMITS.silenceMs);
  if (first.kind !== 'read' || first.value === 'other') client.resetAndDestroy();
  else if (first.value === 'tls') sayInTls(client);
  else sayInHttp(client, 403, explanation);
}

function recognised(bytes: Buffer): 'tls' | 'http' | 'other' | undefined {
  if (looksLikeTls(bytes)) {
    const hello = readClientHello(bytes);
    return hello.kind === 'more' ? undefined : 'tls';
  }
  const http = looksLikeHttp(bytes);
  if (http === 'no') return 'other';
  return http === 'yes' && readRequestHead(bytes).kind !== 'more' ? 'http' : undefined;
}
