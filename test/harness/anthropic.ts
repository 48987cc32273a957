import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Turn } from './model.ts';

/** A model that plays a script in the Messages format (Anthropic API reference, "Streaming Messages"): the answer depends on how many of
 *  its turns are in the conversation already. Every other path is answered with an empty object. */
export class AnthropicModel {
  readonly #turns: readonly Turn[];
  /** Called before turn `n` is answered. */
  readonly #before: (n: number) => Promise<void>;

  constructor(turns: readonly Turn[], before: (n: number) => Promise<void> = async () => {}) {
    this.#turns = turns;
    this.#before = before;
  }

  readonly answer: RequestListener = (request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => (text += part));
    request.once('end', () => void this.#answer(request, text, response));
  };

  async #answer({ url = '', method }: IncomingMessage, text: string, response: ServerResponse): Promise<void> {
    const path = url.replace(/\?.*$/, '');
    if (method !== 'POST' || path !== '/v1/messages') {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      return;
    }
    const {
      messages = [],
      stream,
      tools,
    } = JSON.parse(text) as { messages?: { role: string }[]; stream?: boolean; tools?: unknown[] };
    const n = messages.filter(({ role }) => role === 'assistant').length;
    // Without tools it is asked for a title or the like.
    const turn: Turn = tools?.length ? (this.#turns[n] ?? { say: 'I have nothing more to say.' }) : { say: 'a title' };
    if (tools?.length) await this.#before(n);
    const [block, reason] =
      'say' in turn
        ? [{ type: 'text', text: turn.say }, 'end_turn']
        : [{ type: 'tool_use', id: `toolu_${n}`, name: turn.tool, input: turn.with }, 'tool_use'];
    const usage = { input_tokens: 10, output_tokens: 10 };
    const message = { id: `msg_${n}`, type: 'message', role: 'assistant', model: 'scripted', usage };
    if (!stream) {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ ...message, content: [block], stop_reason: reason, stop_sequence: null }));
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const say = (type: string, more: object): void =>
      void response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`);
    const empty = 'text' in block ? { ...block, text: '' } : { ...block, input: {} };
    const delta =
      'text' in block
        ? { type: 'text_delta', text: block.text }
        : { type: 'input_json_delta', partial_json: JSON.stringify(block.input) };
    say('message_start', { message: { ...message, content: [], stop_reason: null, stop_sequence: null } });
    say('content_block_start', { index: 0, content_block: empty });
    say('content_block_delta', { index: 0, delta });
    say('content_block_stop', { index: 0 });
    say('message_delta', { delta: { stop_reason: reason, stop_sequence: null }, usage });
    say('message_stop', {});
    response.end();
  }
}
