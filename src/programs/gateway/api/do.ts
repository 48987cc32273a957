import type { Socket } from 'node:net';
import { type RequestHead, requestFraming, valuesOf } from '../../../protocol/http1.ts';
import type { Door } from '../door.ts';
import { consume, firstBytes, sayAndClose } from '../first-bytes.ts';
import { INTERNAL } from '../names/names.ts';
import { type OutsideEnd, readOutside } from '../outside.ts';
import { httpText, sayInHttp } from '../refusals/refuse.ts';

/** Commands that run outside for an agent: the warden's side. */
export interface Commands {
  /** @returns a ticket, or the one line why not (and the question that waits) */
  ask(agent: string, argv: readonly string[]): Promise<CommandReply>;
  /** A connected descriptor, the caller's. Rejects: nothing runs. */
  start(ticket: number): Promise<number>;
}
export interface CommandReply {
  readonly state: 'go' | 'no';
  readonly ticket?: number;
  readonly line?: string;
  readonly waits?: number;
}

const MOST_BODY = 64 * 1024;

/** `POST /v1/do {"argv": ["systemctl", "restart", "web"]}`: the same judgement, inbox and record as bulkhead-do. Who asks is known by
 *  the listener that it came to. One request a connection; its input is empty. */
export async function serveDo(door: Door, head: RequestHead): Promise<void> {
  const { client, compartment, outside } = door;
  const argv = await argvOf(client, head);
  if ('status' in argv) return say(client, argv.status, { error: argv.error });
  if (compartment.elevated.length === 0) {
    const to = { host: INTERNAL, port: 80, literal: false };
    return sayInHttp(client, 403, await compartment.refuse(to, door.via, 'nothing runs outside for it', Date.now()));
  }
  if (!outside.commands) return say(client, 503, { error: 'nothing runs outside here' });
  try {
    const reply = await outside.commands.ask(compartment.name, argv.words);
    if (reply.state === 'no' || reply.ticket === undefined) {
      const { line = 'not run outside', waits } = reply;
      return say(client, waits === undefined ? 403 : 202, {
        error: line,
        ...(waits !== undefined && { question: waits }),
      });
    }
    if (client.destroyed) return; // nobody waits for it any more: it is not started
    const end = await readOutside(await outside.commands.start(reply.ticket), client);
    say(client, end.status === undefined ? 502 : 200, bodyOf(end));
  } catch (error) {
    say(client, 503, { error: (error as Error).message });
  }
}

function say(client: Socket, status: number, body: object): void {
  sayAndClose(client, httpText(status, 'application/json', `${JSON.stringify(body)}\n`));
}

/** Text where both are text, else base64. */
function bodyOf({ status, stdout, stderr, truncated }: OutsideEnd): object {
  if (status === undefined) return { error: 'the command outside was lost, and how it ended is not known' };
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const more = truncated ? { truncated } : {};
  try {
    return { status, encoding: 'utf-8', stdout: decoder.decode(stdout), stderr: decoder.decode(stderr), ...more };
  } catch {
    return {
      status,
      encoding: 'base64',
      stdout: stdout.toString('base64'),
      stderr: stderr.toString('base64'),
      ...more,
    };
  }
}

/** A page that a browser in the compartment shows could post a form here, or plain text: never application/json, unasked (Fetch Standard,
 *  CORS-safelisted request-header). */
async function argvOf(
  client: Socket,
  head: RequestHead,
): Promise<{ readonly words: string[] } | { readonly status: number; readonly error: string }> {
  const [type = ''] = valuesOf(head, 'content-type');
  if (!/^application\/json\s*(?:;|$)/i.test(type) || valuesOf(head, 'origin').length > 0)
    return { status: 415, error: 'send application/json, and no Origin' };
  const framing = requestFraming(head);
  if (framing.kind !== 'length') return { status: 411, error: 'send a Content-Length' };
  const { length } = framing;
  if (length > MOST_BODY) return { status: 413, error: `at most ${MOST_BODY} bytes` };
  const first = await firstBytes(client, (bytes) => (bytes.length >= length ? bytes.subarray(0, length) : undefined));
  if (first.kind !== 'read') return { status: 400, error: 'the body did not come' };
  const text = Buffer.from(first.value).toString('utf8');
  consume(client, length);
  try {
    const body = JSON.parse(text) as { argv?: unknown };
    const keys = Object.keys(body).join();
    const { argv } = body;
    const isWord = (word: unknown): word is string =>
      typeof word === 'string' && word.isWellFormed() && !word.includes('\0');
    if (keys === 'argv' && Array.isArray(argv) && argv.length > 0 && argv.every(isWord))
      return { words: argv.map((word) => Buffer.from(word, 'utf8').toString('latin1')) };
  } catch {
    // said below
  }
  return { status: 400, error: 'send {"argv": ["PROGRAM", "ARGUMENT", ...]} and nothing else' };
}
