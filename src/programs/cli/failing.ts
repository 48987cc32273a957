import { Failure, type FailureDocument, failureDocument } from '../../model/failure.ts';
import { shown, shownJson } from '../../policy/display.ts';

/** What is left to print when a command has ended, and its exit status (`run` passes on that of what it ran). */
export interface Told {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number;
}

/** With `--json` the document goes to stdout and nothing else is said; otherwise two lines to stderr.
 *  What is not a Failure is a bug: exit 1, code `internal`, its stack only with `debug`. */
export function tell(error: unknown, json: boolean, debug: boolean): Told {
  const failure = error instanceof Failure ? error : asBug(error);
  const stack = debug && error instanceof Error ? `${error.stack}\n` : '';
  if (json)
    return { stdout: `${shownJson({ error: failureDocument(failure) }, 2)}\n`, stderr: stack, exit: failure.exit };
  return { stdout: '', stderr: `${twoLines(failureDocument(failure))}\n${stack}`, exit: failure.exit };
}

export function twoLines({ at, message, hint }: FailureDocument): string {
  const first = `${at === undefined ? '' : `${at}: `}${message}`;
  return `${shown(first.replaceAll(/\s*\n\s*/gu, ' '))}\n${shown(hint.replaceAll(/\s*\n\s*/gu, ' '))}`;
}

function asBug(error: unknown): Failure {
  const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new Failure(
    'internal',
    `bulkhead itself failed: ${said.slice(0, 300)}`,
    'This is a defect. BULKHEAD_DEBUG=1 shows where; bulkhead logs warden may show more.',
    1,
  );
}
