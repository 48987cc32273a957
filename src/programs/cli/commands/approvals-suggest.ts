import { Failure } from '../../../model/failure.ts';
import { shown } from '../../../policy/display.ts';
import type { Suggestion } from '../../../policy/suggestions.ts';
import { adopt } from '../adopt.ts';
import { questionNumber } from '../answering.ts';
import type { Answer, Call, Screen } from '../call.ts';
import { withWarden } from '../connect.ts';
import { type Cell, cell, table } from '../render/table.ts';

interface Suggested {
  readonly source: string;
  readonly suggestions: readonly Suggestion[];
}

/** Proposes; with `--apply ID` writes that one line into the fleet file. `up` puts it in force, nothing else does. */
export async function run({ state, options }: Call): Promise<Answer> {
  const { source, suggestions } = await withWarden(
    state,
    'nothing is known of what was approved',
    async (warden) => (await warden.call('suggestions')) as Suggested,
  );
  if (options.apply === undefined) return { document: { suggestions }, text: (screen) => render(suggestions, screen) };
  const id = questionNumber('approvals suggest --apply', String(options.apply));
  const found = suggestions.find((one) => one.id === id);
  if (!found)
    throw new Failure(
      'no-such-suggestion',
      `There is no suggestion ${id}.`,
      'bulkhead approvals suggest lists them.',
      1,
    );
  const file = typeof options.file === 'string' ? options.file : source;
  adopt(file, found);
  return {
    document: { file, applied: found },
    text: () => `${shown(file)} has the line now: ${shown(found.line)}\nPut it in force: bulkhead up -f ${shown(file)}`,
  };
}

function render(suggestions: readonly Suggestion[], screen: Screen): string {
  const [first] = suggestions;
  if (!first) return 'Nothing that was approved makes a line worth proposing.';
  const rows = suggestions.map(({ id, line, approved, uses }): Cell[] => [
    cell(String(id), 'bold'),
    cell(`${approved}`),
    cell(`${uses}`),
    cell(line),
  ]);
  const how = `Write one into the file: bulkhead approvals suggest --apply ${first.id}`;
  return [...table(['ID', 'APPROVED', 'USED', 'LINE'], rows, screen), '', how].join('\n');
}
