import { EventStream } from './event-data.ts';
import { JsonPicker } from './json-picker.ts';
import { NO_TOKENS, type Tokens, tokenCount } from './tokens.ts';

/** What an answer said of itself. `final` is false where it was not read to the place that has the last word: then the counts are what was
 *  said so far, and absent means nothing was said. */
export interface Usage {
  readonly model?: string;
  readonly tokens?: Tokens;
  readonly final: boolean;
}

/** Where each service says what an answer cost. The objects differ in their keys, so one reader serves all, whatever path or host they come
 *  from:
 *  - Anthropic, Messages API and "Streaming messages" (platform.claude.com/docs): `usage` of the message; in a stream in `message` of
 *    message_start, and cumulatively in message_delta. input_tokens leaves cached ones out.
 *  - OpenAI, chat completions (API reference, "The chat completion object" and "chunk object"): `usage`, in a stream only in the last chunk
 *    and only with stream_options.include_usage. prompt_tokens has cached ones in it.
 *  - OpenAI, responses (API reference, "The response object", "Streaming events"): `usage`; in a stream of the `response` in
 *    response.completed, .incomplete or .failed. input_tokens has cached ones in it.
 *  - Gemini (ai.google.dev/api/generate-content, "UsageMetadata"): `usageMetadata`, in a stream in every chunk, cumulatively; a stream is a
 *    JSON array, or with alt=sse events. promptTokenCount has cached ones in it, thoughts are not among the candidates'. */
const FIELDS: Readonly<Record<string, string>> = {
  input_tokens: 'anthropicInput',
  output_tokens: 'output',
  cache_creation_input_tokens: 'cacheWrite',
  'cache_creation.ephemeral_1h_input_tokens': 'cacheWriteHour',
  cache_read_input_tokens: 'cacheRead',
  'input_tokens_details.cached_tokens': 'cachedOfInput',
  prompt_tokens: 'prompt',
  completion_tokens: 'output',
  'prompt_tokens_details.cached_tokens': 'cachedOfInput',
  promptTokenCount: 'prompt',
  toolUsePromptTokenCount: 'toolPrompt',
  cachedContentTokenCount: 'cachedOfInput',
  candidatesTokenCount: 'output',
  thoughtsTokenCount: 'thoughts',
};
const PLACE = /^(?:\[\]\.)?(?:(message|response)\.)?(?:usage|usageMetadata)\.(.+)$/;
const KEYS = new Set(['model', 'modelVersion', ...Object.keys(FIELDS).map((path) => path.replace(/^.*\./, ''))]);
const MODEL = /^(?:\[\]\.)?(?:(?:message|response)\.)?(?:model|modelVersion)$/;
/** A model's name is a key of ours then. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._:/@[\]-]{0,99}$/;

/** Reads an answer's body as it passes, cut anywhere, and keeps a few numbers of it. Whether it is events or JSON its first byte says: neither
 *  an object nor a list begins an event stream. */
export class UsageReader {
  readonly #json = new JsonPicker((path, value) => this.#picked(path, value), KEYS);
  #events: EventStream | undefined;
  #begun = false;
  readonly #said = new Map<string, number>();
  #model: string | undefined;
  #final = false;
  #blank = true;

  push(bytes: Uint8Array): void {
    const from = this.#begun ? 0 : this.#begin(bytes);
    if (from < 0) return;
    const rest = from === 0 ? bytes : bytes.subarray(from);
    if (this.#events) this.#events.push(rest);
    else this.#json.push(rest);
  }

  /** @param whole  it came to its end */
  end(whole: boolean): Usage {
    if (!this.#events) this.#json.end();
    const tokens = this.#tokens();
    return {
      ...(this.#model !== undefined && { model: this.#model }),
      ...(tokens && { tokens }),
      final: this.#final && tokens !== undefined && whole && (this.#events !== undefined || this.#json.whole),
    };
  }

  /** @returns where it begins, or -1 */
  #begin(bytes: Uint8Array): number {
    const at = bytes.findIndex((byte) => byte > 0x20 && byte !== 0xef && byte !== 0xbb && byte !== 0xbf);
    if (at < 0) return -1;
    this.#begun = true;
    if (bytes[at] === 0x7b || bytes[at] === 0x5b) return at;
    this.#events = new EventStream({
      data: (data) => {
        this.#blank = false;
        this.#json.push(data);
      },
      event: () => {
        if (this.#blank) return;
        this.#json.reset();
        this.#blank = true;
      },
    });
    return at;
  }

  #picked(path: string, value: number | string): void {
    if (typeof value === 'string') {
      if (MODEL.test(path) && NAME.test(value)) this.#model = value;
      return;
    }
    const [, within, key] = PLACE.exec(path) ?? [];
    const field = key === undefined || !Object.hasOwn(FIELDS, key) ? undefined : FIELDS[key];
    const count = tokenCount(value);
    if (field === undefined || count === undefined) return;
    this.#said.set(field, count);
    // What a message begins with is not its last word.
    if (within !== 'message') this.#final = true;
  }

  #tokens(): Tokens | undefined {
    if (this.#said.size === 0) return undefined;
    const said = (field: string): number => this.#said.get(field) ?? 0;
    const cached = said('cachedOfInput');
    const whole = said('anthropicInput') + said('prompt') + said('toolPrompt');
    const hour = Math.min(said('cacheWriteHour'), said('cacheWrite'));
    return {
      ...NO_TOKENS,
      input: Math.max(0, whole - cached),
      output: said('output') + said('thoughts'),
      cacheWrite: said('cacheWrite') - hour,
      cacheWriteHour: hour,
      cacheRead: said('cacheRead') + Math.min(cached, whole),
    };
  }
}
