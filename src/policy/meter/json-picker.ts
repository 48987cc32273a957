/** Reads a JSON text (RFC 8259) piece by piece, cut anywhere, and tells the numbers and strings it comes by, with where they stand. It keeps
 *  neither the text nor its values but one at a time: its memory is bounded whatever comes. The bytes are a server's or an agent's; what is no
 *  JSON makes it `broken`, and it tells nothing more. Where an object has a key twice, both are told. */

/** @param path  the keys from the root, an array as `[]`: `usage.input_tokens`, `[].usageMetadata.promptTokenCount` */
export type Picked = (path: string, value: number | string) => void;

/** Deeper than this no value is told. */
const DEEPEST_TOLD = 5;
/** Deeper than this no answer of a service is. */
const DEEPEST = 512;
/** Bytes of a key or value; longer ones are not told. */
const LONGEST = 128;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [BRACE, BRACE_END, BRACKET, BRACKET_END] = [0x7b, 0x7d, 0x5b, 0x5d];
const SPACE = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/** What comes next: a value; a key or the end of an object; a key; a colon; a comma or an end; nothing. */
type Next = 'value' | 'first' | 'key' | 'colon' | 'more' | 'first-value' | 'nothing';

export class JsonPicker {
  readonly #picked: Picked;
  /** Keys so far; `[]` for an array. */
  readonly #stack: string[] = [];
  /** One bit of information a level: is it an array. */
  readonly #arrays: boolean[] = [];
  #next: Next = 'value';
  #inside: 'string' | 'escape' | 'word' | undefined;
  readonly #token: Buffer = Buffer.alloc(LONGEST);
  #length = 0;
  /** The string has escapes, or letters beyond ASCII. */
  #odd = false;
  #long = false;
  #broken = false;

  readonly #keys: ReadonlySet<string> | undefined;

  /** @param keys  those whose values are told; absent: all */
  constructor(picked: Picked, keys?: ReadonlySet<string>) {
    this.#picked = picked;
    this.#keys = keys;
  }

  /** As new, for another text. */
  reset(): void {
    this.#stack.length = 0;
    this.#arrays.length = 0;
    this.#next = 'value';
    this.#inside = undefined;
    this.#broken = false;
  }

  get broken(): boolean {
    return this.#broken;
  }

  /** One whole text has been read. */
  get whole(): boolean {
    return !this.#broken && this.#next === 'nothing' && this.#inside === undefined;
  }

  push(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length && !this.#broken; i++) {
      if (this.#inside === 'string') i = this.#string(bytes, i);
      else if (this.#inside === 'escape') {
        this.#keep(bytes[i] as number);
        this.#inside = 'string';
      } else this.#byte(bytes[i] as number);
    }
  }

  /** Nothing more comes: a number at the root has no end of its own. */
  end(): void {
    if (this.#inside === 'word') this.#wordEnds();
  }

  /** Most bytes are inside strings: they are passed over without looking at each but for the end. */
  #string(bytes: Uint8Array, from: number): number {
    let i = from;
    for (; i < bytes.length; i++) {
      const byte = bytes[i] as number;
      if (byte === QUOTE || byte === BACKSLASH) break;
      if (!this.#long) this.#keep(byte);
    }
    if (i === bytes.length) return i;
    if (bytes[i] === QUOTE) this.#stringEnds();
    else {
      this.#keep(BACKSLASH);
      this.#inside = 'escape';
    }
    return i;
  }

  #byte(byte: number): void {
    if (this.#inside === 'word') {
      if (!isWord(byte)) this.#wordEnds();
      else {
        this.#keep(byte);
        return;
      }
    }
    if (SPACE(byte) || this.#broken) return;
    const next = this.#next;
    const value = next === 'value' || next === 'first-value';
    if (byte === QUOTE && (value || next === 'first' || next === 'key')) this.#begin('string');
    else if (byte === BRACE && value) this.#open(false);
    else if (byte === BRACKET && value) this.#open(true);
    else if (byte === BRACE_END && (next === 'first' || next === 'more')) this.#close(false);
    else if (byte === BRACKET_END && (next === 'first-value' || next === 'more')) this.#close(true);
    else if (byte === COLON && next === 'colon') this.#next = 'value';
    else if (byte === COMMA && next === 'more') this.#next = this.#arrays.at(-1) ? 'value' : 'key';
    else if (value && isWord(byte)) {
      this.#begin('word');
      this.#keep(byte);
    } else this.#broken = true;
  }

  #begin(inside: 'string' | 'word'): void {
    this.#inside = inside;
    this.#length = 0;
    this.#long = false;
    this.#odd = false;
  }

  #keep(byte: number): void {
    if (byte >= 0x80 || byte === BACKSLASH) this.#odd = true;
    if (this.#length < LONGEST) this.#token[this.#length++] = byte;
    else this.#long = true;
  }

  #open(array: boolean): void {
    if (this.#arrays.length >= DEEPEST) {
      this.#broken = true;
      return;
    }
    this.#arrays.push(array);
    this.#stack.push(array ? '[]' : '');
    this.#next = array ? 'first-value' : 'first';
  }

  #close(array: boolean): void {
    if (this.#arrays.pop() !== array) this.#broken = true;
    this.#stack.pop();
    this.#valueEnds();
  }

  #valueEnds(): void {
    this.#next = this.#arrays.length === 0 ? 'nothing' : 'more';
  }

  #stringEnds(): void {
    this.#inside = undefined;
    if (this.#next === 'first' || this.#next === 'key') {
      const text = this.#text();
      // A key that is too long or no text cannot be one that anybody looks for.
      this.#stack[this.#stack.length - 1] = text ?? '\u0000';
      this.#next = 'colon';
      return;
    }
    if (this.#wanted()) {
      const text = this.#text();
      if (text !== undefined) this.#tell(text);
    }
    this.#valueEnds();
  }

  /** @returns undefined for what is no string of JSON, or too long */
  #text(): string | undefined {
    if (this.#long) return undefined;
    if (!this.#odd) return this.#token.toString('latin1', 0, this.#length);
    try {
      return JSON.parse(`"${this.#token.toString('utf8', 0, this.#length)}"`) as string;
    } catch {
      return undefined;
    }
  }

  #wordEnds(): void {
    this.#inside = undefined;
    const word = this.#token.toString('latin1', 0, this.#length);
    if (/^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/.test(word) && !this.#long) this.#tell(Number(word));
    else if (word !== 'null' && word !== 'true' && word !== 'false') {
      this.#broken = true;
      return;
    }
    this.#valueEnds();
  }

  #wanted(): boolean {
    const { length } = this.#stack;
    if (length > DEEPEST_TOLD) return false;
    return this.#keys === undefined || this.#keys.has(this.#stack[length - 1] ?? '');
  }

  #tell(value: number | string): void {
    if (this.#wanted()) this.#picked(this.#stack.join('.'), value);
  }
}

function isWord(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x2d ||
    byte === 0x2b ||
    byte === 0x2e ||
    byte === 0x45
  );
}
