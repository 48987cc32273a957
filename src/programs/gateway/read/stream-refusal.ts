import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { type ModelApi, refusalBody } from '../../../policy/refusal-body.ts';
import type { Explanation } from '../refusals/denials.ts';
import { NO_RETRY } from '../refusals/refuse.ts';

/** A refusal is an answer; the connection goes on. */
export function refuseStream(
  stream: ServerHttp2Stream,
  status: number,
  explanation: Explanation,
  api: ModelApi | undefined,
): void {
  const more = api && explanation.ask !== null ? Object.fromEntries(NO_RETRY) : {};
  answerStream(stream, status, 'application/json', `${JSON.stringify(refusalBody(explanation, status, api))}\n`, more);
}

/** An answer of ours to a request that goes no further. */
export function answerStream(
  stream: ServerHttp2Stream,
  status: number,
  type: string,
  text: string,
  more: OutgoingHttpHeaders = {},
): void {
  stream.on('error', () => {});
  if (stream.destroyed || stream.closed) return;
  const body = Buffer.from(text);
  const fields = { 'content-type': type, 'content-length': body.length, 'cache-control': 'no-store' };
  stream.respond({ ':status': status, ...fields, ...more });
  stream.end(body, () => stream.close()); // with NO_ERROR: the rest of the request is not wanted (RFC 9113, 8.1)
  stream.resume();
}
