import type { styleText } from 'node:util';

/** What a command's module gets and gives. A command prints nothing by itself: it answers, and the frame prints the document or
 *  the text. Only what streams (`-f`, `run`, `shell`) writes as it goes. */
export interface Call {
  readonly operands: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly json: boolean;
  /** Absolute path of the state. */
  readonly state: string;
  readonly screen: Screen;
}

export type Format = Parameters<typeof styleText>[0];

/** Where text goes: what it may look like there. */
export interface Screen {
  /** Columns. */
  readonly width: number;
  /** Milliseconds since 1970, for ages. */
  readonly now: number;
  /** Colour, where the stream and the environment allow it. */
  readonly style: (format: Format, text: string) => string;
  /** To stdout, at once. */
  readonly write: (text: string) => void;
}

export type Exit = 0 | 1 | 2 | 3;

export interface Answer {
  /** What `--json` prints. */
  readonly document: unknown;
  /** What a person reads; ends without a line feed. */
  readonly text: (screen: Screen) => string;
  readonly exit?: Exit;
}

/** A number is the exit status of a command that has written for itself. */
export type Run = (call: Call) => Promise<Answer | number>;
