import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { Failure } from '../../model/failure.ts';

const LONGEST_MS = 10_000;

/** Posts a notice of the warden's to the address in fleet.yaml: an operator's, so no rule applies to it. What answers is not read beyond
 *  its status, and redirects are not followed.
 *  @throws Failure `not-told` with one line why, without the address: it may hold a token */
export function postNotice(url: string, type: string, body: string): Promise<void> {
  const target = new URL(url);
  const request = target.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const failed = (why: string): void => reject(new Failure('not-told', why, 'Look at notify: in fleet.yaml.', 1));
    const headers = { 'content-type': type, 'content-length': Buffer.byteLength(body), 'user-agent': 'bulkhead' };
    const sent = request(target, { method: 'POST', headers, agent: false }, (answer) => {
      const { statusCode = 0 } = answer;
      answer.destroy();
      clearTimeout(late);
      if (statusCode >= 200 && statusCode < 300) resolve();
      else failed(`the webhook answered ${statusCode}`);
    });
    const late = setTimeout(() => sent.destroy(new Error('no answer in time')), LONGEST_MS);
    sent.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(late);
      failed(`the webhook was not reached: ${error.code ?? error.message}`);
    });
    sent.end(body);
  });
}
