import type { Socket } from 'node:net';
import { accessDeniedAlert, looksLikeTls, readClientHello } from '../../protocol/clienthello.ts';
import { looksLikeHttp, readRequestHead } from '../../protocol/http1.ts';
import type { Explanation } from './denials.ts';
import { firstBytes, sayAndClose } from './first-bytes.ts';
import { LIMITS } from './limits.ts';

/** A refusal in HTTP: `{denied, rule, ask}` as JSON, and the connection ends. */
export function sayInHttp(client: Socket, status: number, explanation: Explanation): void {
  const body = `${JSON.stringify(explanation)}\n`;
  sayAndClose(client, httpText(status, 'application/json', body));
}

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  202: 'Accepted',
  400: 'Bad Request',
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

export function httpText(status: number, type: string, body: string): string {
  const lines = [
    `HTTP/1.1 ${status} ${REASONS[status] ?? 'Refused'}`,
    `content-type: ${type}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
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
