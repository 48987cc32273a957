import type { RequestListener, ServerResponse } from 'node:http';
import type { Turn } from './model.ts';

/** A model that plays a script in the streamed form of OpenAI's responses (API reference, "Responses", "Streaming events"): the answer
 *  depends on how many results of tools are in the conversation already. Every other path is not found, WebSockets among them. */
export function responsesModel(turns: readonly Turn[]): RequestListener {
  return (request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => (text += part));
    request.once('end', () => {
      if (request.method !== 'POST' || request.url !== '/v1/responses') {
        response.writeHead(404).end();
        return;
      }
      playResponse(turns, text, response);
    });
  };
}

/** The answer to one request. @param text  its body, JSON */
export function playResponse(turns: readonly Turn[], text: string, response: ServerResponse): void {
  const { input = [] } = JSON.parse(text) as { input?: { type: string }[] };
  const n = input.filter(({ type }) => type.endsWith('_call_output')).length;
  const item = itemOf(turns[n] ?? { say: 'I have nothing more to say.' }, n);
  const id = `resp_${n}`;
  const usage = { input_tokens: 10, output_tokens: 10, total_tokens: 20 };
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const say = (type: string, more: object): void =>
    void response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`);
  say('response.created', { response: { id } });
  say('response.output_item.done', { output_index: 0, item });
  say('response.completed', { response: { id, usage } });
  response.end();
}

function itemOf(turn: Turn, n: number): object {
  if ('say' in turn)
    return { type: 'message', role: 'assistant', id: `msg_${n}`, content: [{ type: 'output_text', text: turn.say }] };
  return { type: 'function_call', call_id: `call_${n}`, name: turn.tool, arguments: JSON.stringify(turn.with) };
}
