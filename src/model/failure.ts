/** What the operator can mend. Everything else that goes wrong is a bug: it throws something other than a Failure. */
export class Failure extends Error {
  readonly code: string;
  readonly hint: string;
  readonly exit: 1 | 2 | 3;
  readonly at: string | undefined;

  /** @param code  kebab-case, stable, for programs
   *  @param message  one line: what is wrong
   *  @param hint  one line: what to do about it
   *  @param exit  0 done, 1 the answer is no, 2 wrong usage or configuration, 3 this machine cannot
   *  @param at  `file:line:column`, where the mistake is in a file */
  constructor(code: string, message: string, hint: string, exit: 1 | 2 | 3 = 2, at?: string) {
    super(message);
    this.name = 'Failure';
    this.code = code;
    this.hint = hint;
    this.exit = exit;
    this.at = at;
  }
}

export interface FailureDocument {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly at?: string;
}

export function failureDocument(failure: Failure): FailureDocument {
  const { code, message, hint, at } = failure;
  return at === undefined ? { code, message, hint } : { code, message, hint, at };
}
