import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { chosenState } from '../../plan/places.ts';
import { shownJson } from '../../policy/display.ts';
import type { Answer, Screen } from './call.ts';
import { type Told, tell } from './failing.ts';
import { parseLine } from './parse.ts';
import { TABLE } from './table.ts';

/** Does what one command line says. @returns what is still to be printed, and the exit status; never rejects */
export async function perform(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  screen: Screen,
): Promise<Told> {
  const end = argv.indexOf('--');
  const json = argv.slice(0, end < 0 ? argv.length : end).includes('--json');
  try {
    const line = parseLine(TABLE, argv);
    if (line.kind === 'version') return said(`bulkhead ${version()}`, 0);
    if (line.kind === 'help') return said(line.text, 0);
    const { run } = await line.entry.load();
    const { operands, options } = line;
    const state = typeof options.state === 'string' ? options.state : env.BULKHEAD_STATE || chosen(env);
    const answer = await run({ operands, options, json, state: resolve(state), screen });
    if (typeof answer === 'number') return said('', answer);
    return said(textOf(answer, json, screen), answer.exit ?? 0);
  } catch (error) {
    return tell(error, json, env.BULKHEAD_DEBUG === '1');
  }
}

function chosen(env: Readonly<Record<string, string | undefined>>): string {
  return chosenState(process.getuid?.() ?? 0, env, (state) => existsSync(join(state, 'format')));
}

/** Ages are counted from when the answer is there. */
function textOf(answer: Answer, json: boolean, screen: Screen): string {
  return json ? shownJson(answer.document, 2) : answer.text({ ...screen, now: Date.now() });
}

function said(text: string, exit: number): Told {
  return { stdout: text === '' ? '' : `${text}\n`, stderr: '', exit };
}

function version(): string {
  const path = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
