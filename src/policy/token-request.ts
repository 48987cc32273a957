import { jsonStrings } from './json-strings.ts';
import { isJson } from './place-body.ts';

/** What a client asks of a token endpoint (RFC 6749, 6). */
export interface TokenRequest {
  readonly grant: string;
  readonly refresh: string;
  readonly client?: string;
}

/** Far more than a token and a few names. Bytes. */
const LONGEST = 64 * 1024;
const PARAMETERS: readonly string[] = ['grant_type', 'refresh_token', 'client_id'];

/** Reads it as a form, as the standard has it, or as JSON, as harnesses send it. The agent controls every byte.
 *  @returns why it cannot be read */
export function readTokenRequest(body: Buffer, contentType: string): TokenRequest | string {
  if (body.length > LONGEST) return 'the body is too long';
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return 'the body is not UTF-8';
  }
  const fields = isJson(contentType) ? ofJson(text) : isForm(contentType) ? ofForm(text) : 'neither a form nor JSON';
  if (typeof fields === 'string') return fields;
  const client = fields.get('client_id');
  return {
    grant: fields.get('grant_type') ?? '',
    refresh: fields.get('refresh_token') ?? '',
    ...(client !== undefined && { client }),
  };
}

function isForm(contentType: string): boolean {
  return /^application\/x-www-form-urlencoded *(?:;|$)/i.test(contentType.trim());
}

function ofJson(text: string): Map<string, string> | string {
  const strings = jsonStrings(text);
  if (typeof strings === 'string') return strings;
  if (!text.trimStart().startsWith('{')) return 'the body is no object';
  const fields = new Map<string, string>();
  // Of a path nothing but its equality is asked: to keep or to hash one takes its length, and each may be as long as the body.
  for (const { value, path } of strings)
    if (path !== undefined && PARAMETERS.includes(path) && !fields.has(path)) fields.set(path, value);
  return fields;
}

/** No parameter twice (RFC 6749, 3.2). */
function ofForm(text: string): Map<string, string> | string {
  const fields = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (fields.has(name)) return 'a parameter stands in the body twice';
    fields.set(name, value);
  }
  return fields;
}
