import { request as requestHttp } from 'node:http';
import { type RequestOptions, request as requestHttps } from 'node:https';

export interface OwnRequest extends RequestOptions {
  readonly protocol: string;
  readonly body?: string;
  /** From the start to the end of the answer, or to its head where nothing of it is read. */
  readonly longestMs: number;
  /** Of the answer, in characters; 0: only its status is read. */
  readonly longestAnswer: number;
}

/** One request that the gateway makes by itself, on a connection of its own. Redirects are not followed.
 *  @throws Error with the system's code, `no answer in time` or `the answer is too long` */
export function ownRequest(wanted: OwnRequest): Promise<{ status: number; text: string }> {
  const { body = '', longestMs, longestAnswer, headers, ...options } = wanted;
  const request = wanted.protocol === 'https:' ? requestHttps : requestHttp;
  const length = body === '' ? {} : { 'content-length': Buffer.byteLength(body) };
  const all = { 'user-agent': 'bulkhead', ...headers, ...length };
  return new Promise((resolve, reject) => {
    const sent = request({ ...options, headers: all, agent: false }, (answer) => {
      const status = answer.statusCode ?? 0;
      let text = '';
      const end = (): void => {
        clearTimeout(late);
        resolve({ status, text });
      };
      answer.on('error', failed);
      if (longestAnswer === 0) {
        end();
        answer.destroy();
        return;
      }
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > longestAnswer) answer.destroy(new Error('the answer is too long'));
      });
      answer.on('end', end);
    });
    const late = setTimeout(() => sent.destroy(new Error('no answer in time')), longestMs);
    function failed(error: Error): void {
      clearTimeout(late);
      reject(error);
    }
    sent.on('error', failed);
    sent.end(body);
  });
}
