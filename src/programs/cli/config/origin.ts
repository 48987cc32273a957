import { Failure } from '../../../model/failure.ts';

/** A text and the name of its file: turns offsets into `file:line:column`, both counted from 1. */
export class Origin {
  readonly text: string;
  readonly #file: string;

  constructor(text: string, file: string) {
    this.text = text;
    this.#file = file;
  }

  failure(code: string, offset: number, message: string, hint: string): Failure {
    const before = this.text.slice(0, Math.max(0, offset));
    const line = before.split('\n').length;
    return new Failure(code, message, hint, 2, `${this.#file}:${line}:${before.length - before.lastIndexOf('\n')}`);
  }
}
