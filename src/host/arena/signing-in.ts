import { LENT_ENDPOINT } from '../../model/lent-key.ts';
import { plain } from './lenient.ts';

/** The token endpoint of the drill's service (RFC 6749, 6): whoever brings the refresh token is answered with both, in every place where such
 *  answers have them. Pure. */

/** Whether the most lenient of servers would take a request for one to it, by whatever method. @param target  of the request line */
export function isForToken(target: string): boolean {
  const [path = ''] = target.replace(/^[a-z]+:\/\/[^/]*/i, '').split('?');
  return plain(path).replace(/\/$/, '') === LENT_ENDPOINT.path;
}

/** Each request of the text has this field, so one without it is not the agent's. */
const MARK = /^x-drill-way:/im;

export function isOfAgent(head: string): boolean {
  return MARK.test(head);
}

/** @param refresh  undefined: it was not brought */
export function tokenAnswer(value: string, refresh: string | undefined): string {
  const body = refresh === undefined ? '{"error":"invalid_grant"}' : tokens(value, refresh);
  const status = refresh === undefined ? '400 Bad Request' : '200 OK';
  const lines = [`HTTP/1.1 ${status}`, 'Content-Type: application/json', `Content-Length: ${body.length}`];
  if (refresh !== undefined) lines.push(`X-Refresh: ${refresh}`, `Set-Cookie: session=${value}`);
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

function tokens(value: string, refresh: string): string {
  const escaped = [...refresh].map((one) => `\\u00${one.charCodeAt(0).toString(16)}`).join('');
  const base64 = Buffer.from(refresh, 'latin1').toString('base64');
  return (
    `{"token_type":"Bearer","expires_in":3600,"access_token":"${value}","refresh_token":"${refresh}","id_token":"${value}",` +
    `"session":{"access_token":"${value}","refresh_token":["${refresh}"]},"note":"keep ${refresh} well","again":"${escaped}","packed":"${base64}"}`
  );
}
