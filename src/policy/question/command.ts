import { createHash } from 'node:crypto';
import { canonicalJson } from '../../model/canonical.ts';
import type { AgentName } from '../../model/names.ts';
import type { Subject } from '../../model/question.ts';

/** What is to be executed. Texts are bytes, one a character (latin1): argv and environment are no text to the kernel. */
export interface CommandTerms {
  readonly program: {
    readonly name: string;
    readonly path: string;
    readonly digest: string;
    /** The agent made it. */
    readonly own?: true;
  };
  /** It is the interpreter of this script, which its arguments name only as a descriptor. */
  readonly script?: { readonly path: string; readonly digest: string };
  readonly argv: readonly string[];
  readonly cwd: string;
  /** Those of the environment's entries that change what a program does, sorted. */
  readonly environment: readonly string[];
}

/** Identical is what has the same file at the same path, arguments, working directory and deciding environment: a program may look
 *  beside its own file, and whose it is stands in its path. */
export function commandSubject(agent: AgentName, terms: CommandTerms): Subject {
  const { program, argv, cwd, environment, script } = terms;
  const what = {
    kind: 'command',
    program: { ...program },
    argv,
    cwd,
    environment,
    ...(script && { script: { ...script } }),
  };
  const digest = createHash('sha256').update(canonicalJson(what)).digest('hex');
  return {
    agent,
    kind: 'command',
    digest,
    shown: shownCommand(terms),
    terms: { program: { ...program }, argv, cwd, environment, ...(script && { script: { ...script } }) },
  };
}

/** Complete, on one line, in visible ASCII: the words as a shell would take them, but for bytes that are not seen (`\\x1b`), which here
 *  also means every byte of a letter beyond ASCII: none can look like another. What is no word of the command stands in parentheses,
 *  which no word has outside quotes; so two different commands never look the same. */
export function shownCommand({ program, argv, cwd, environment, script }: CommandTerms): string {
  const usual = argv[0] === program.name && /^(?:\/usr)?\/bin\/[^/]*$/.test(program.path);
  return [
    ...argv.map(quoted),
    ...(program.own ? [`(its own program ${quoted(program.path)} sha256 ${program.digest})`] : []),
    ...(usual || program.own ? [] : [`(program ${quoted(program.path)})`]),
    ...(script ? [`(script ${quoted(script.path)} sha256 ${script.digest})`] : []),
    ...(environment.length === 0 ? [] : [`(with ${environment.map(quoted).join(' ')})`]),
    ...(cwd === '/workspace' ? [] : [`(in ${quoted(cwd)})`]),
  ].join(' ');
}

/** Needs no quotes in any shell. */
const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** One word, as shownCommand has it. */
export function quoted(bytes: string): string {
  if (PLAIN.test(bytes)) return bytes;
  const seen = bytes.replace(
    /[^\x20-\x7e]|\\(?=x[0-9a-f]{2})/g,
    (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return `'${seen.replaceAll("'", "'\\''")}'`;
}
