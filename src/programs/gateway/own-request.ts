import { type IncomingMessage, request as requestHttp } from 'node:http';
import { type RequestOptions, request as requestHttps } from 'node:https';
import { codingOf, decoded } from './read/decoding.ts';

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
      const end = (text: string): void => {
        clearTimeout(late);
        resolve({ status, text });
      };
      if (longestAnswer > 0) return void textOf(answer, longestAnswer).then(end, failed);
      answer.on('error', failed);
      end('');
      answer.destroy();
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

/** Compressed or not, although it was not asked to be: what is in an answer may be there once only. */
async function textOf(answer: IncomingMessage, longest: number): Promise<string> {
  const named = answer.headers['content-encoding'];
  const coding = named === undefined ? undefined : codingOf([['content-encoding', named]]);
  if (coding === 'other') throw new Error(`the answer came in the coding ${JSON.stringify(named)}`);
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of coding === undefined ? answer : decoded(answer, coding)) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > longest) throw new Error('the answer is too long');
  }
  return text + decoder.decode();
}
