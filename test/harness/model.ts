import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the scripted model says in one turn: a call of one of the harness's tools, or its last words. */
export type Turn =
  | { readonly tool: string; readonly with: Readonly<Record<string, unknown>> }
  | { readonly say: string };

/** A message of the harness's, as far as tests look into it. */
export interface Message {
  readonly role: string;
  readonly content: unknown;
}

/** A model that plays a script: the answer to a conversation depends only on how many of its turns are already in it. It speaks
 *  the streamed form of OpenAI's chat completions (API reference, "Create chat completion", "Streaming"), on 127.0.0.1 only. */
export class ScriptedModel {
  readonly #server: Server;
  readonly #script: (at: { port: number }) => readonly Turn[];
  #turns: readonly Turn[] = [];
  /** The conversations as they came in, one for each turn asked for. */
  readonly asked: (readonly Message[])[] = [];

  /** @param script  may name the port the model is at */
  constructor(script: (at: { port: number }) => readonly Turn[]) {
    this.#script = script;
    this.#server = createServer(this.answer);
  }

  /** Serves one request; for a server of the test's own, whose script names no port. */
  readonly answer: RequestListener = (request, response) => {
    if (this.#turns.length === 0) this.#turns = this.#script({ port: 0 });
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => (text += part));
    request.once('end', () => {
      if (request.method !== 'POST' || request.url !== '/v1/chat/completions') {
        response.writeHead(404).end();
        return;
      }
      const { messages } = JSON.parse(text) as { messages: Message[] };
      this.asked.push(messages);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const chunk of this.#answer(messages)) response.write(`data: ${JSON.stringify(chunk)}\n\n`);
      response.end('data: [DONE]\n\n');
    });
  };

  /** @returns its port */
  async start(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const { port } = this.#server.address() as AddressInfo;
    this.#turns = this.#script({ port });
    return port;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** What came back from the tool that turn `n` called, as the harness told it to us. */
  toolResult(n: number): string {
    const results = this.asked.at(-1)?.filter(({ role }) => role === 'tool') ?? [];
    return JSON.stringify(results[n]?.content ?? null);
  }

  #answer(messages: readonly Message[]): object[] {
    const n = messages.filter(({ role }) => role === 'assistant').length;
    const turn = this.#turns[n] ?? { say: 'I have nothing more to say.' };
    const chunk = (delta: object, finish: string | null = null): object => ({
      ...{ id: `turn-${n}`, object: 'chat.completion.chunk', created: 0, model: 'scripted' },
      choices: [{ index: 0, delta, finish_reason: finish }],
    });
    if ('say' in turn) return [chunk({ role: 'assistant', content: turn.say }), chunk({}, 'stop')];
    const call = { name: turn.tool, arguments: JSON.stringify(turn.with) };
    return [
      chunk({ role: 'assistant', tool_calls: [{ index: 0, id: `call_${n}`, type: 'function', function: call }] }),
      chunk({}, 'tool_calls'),
    ];
  }
}
