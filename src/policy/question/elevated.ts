import { createHash } from 'node:crypto';
import { canonicalJson } from '../../model/canonical.ts';
import type { AgentName } from '../../model/names.ts';
import type { Subject } from '../../model/question.ts';
import { quoted } from './command.ts';

/** A command to be run outside, as a named user. argv are bytes, one a character (latin1). Working directory and environment are
 *  not the agent's, so there is nothing of them to ask about. */
export interface ElevatedTerms {
  readonly argv: readonly string[];
  readonly as: string;
  readonly program: { readonly path: string; readonly digest: string };
}

/** Identical is what has the same file content, path, arguments and user. */
export function elevatedSubject(agent: AgentName, terms: ElevatedTerms): Subject {
  const { argv, as, program } = terms;
  const digest = createHash('sha256')
    .update(canonicalJson({ kind: 'elevated', argv, as, program: { ...program } }))
    .digest('hex');
  const whole = { argv, as, program: { ...program } };
  return { agent, kind: 'elevated', digest, shown: shownElevated(terms), terms: whole };
}

/** As a command is shown, with the user that it runs as, and its file. */
export function shownElevated({ argv, as, program }: ElevatedTerms): string {
  return [...argv.map(quoted), `(as ${quoted(as)} outside: ${quoted(program.path)})`].join(' ');
}
