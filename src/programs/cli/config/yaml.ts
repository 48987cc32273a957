import { Composer, Lexer, type Node, Parser, type YAMLError } from 'yaml';
import type { Failure } from '../../../model/failure.ts';
import type { Origin } from './origin.ts';
import { INVISIBLE } from './shown.ts';

/** Lexemes and nesting of a file. Anybody may have written it (a template, a pasted snippet): both bounds are held while
 *  lexing, before anything recursive or quadratic sees the text. */
const MOST_LEXEMES = 60_000;
const DEEPEST = 64;

/** One YAML 1.2 document in the core schema, as nodes with their ranges; null when there is nothing in it.
 *  @throws Failure at the first thing that is not plain YAML: also a second document, an unknown tag, a directive, a control
 *  character, a byte order mark */
export function composeYaml(origin: Origin): Node | null {
  refuseInvisible(origin);
  const parser = new Parser();
  const tokens = [];
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(origin.text)) {
    if (++lexemes > MOST_LEXEMES)
      throw origin.failure(
        'file-too-large',
        parser.offset,
        `the file has more than ${MOST_LEXEMES} words and marks`,
        'A fleet of this size is probably a mistake; split it into several.',
      );
    for (const token of parser.next(lexeme)) tokens.push(token);
    if (parser.stack.length > DEEPEST)
      throw origin.failure(
        'too-deep',
        parser.offset,
        'the file is nested too deeply',
        'A fleet.yaml has six levels at most; look for a missing bracket or repeated dashes here.',
      );
  }
  for (const token of parser.end()) tokens.push(token);
  return onlyDocument(origin, tokens);
}

function onlyDocument(origin: Origin, tokens: Parameters<Composer['compose']>[0]): Node | null {
  const composer = new Composer({ version: '1.2', schema: 'core', merge: false, uniqueKeys: false });
  let found: Node | null | undefined;
  for (const document of composer.compose(tokens, true, origin.text.length)) {
    if (found !== undefined)
      throw origin.failure(
        'many-documents',
        document.range[0],
        'a second document begins here',
        'One file holds one fleet: take the --- line out, or put the second fleet into a file of its own.',
      );
    const problem = document.errors[0] ?? document.warnings[0];
    if (problem) throw notYaml(origin, problem);
    found = document.contents as Node | null;
  }
  return found ?? null;
}

function refuseInvisible(origin: Origin): void {
  const found = INVISIBLE.exec(origin.text.replaceAll('\r\n', ' \n').replace(/[\t\n]/g, ' '));
  if (!found) return;
  const point = (found[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  const mark = point === 'FEFF' && found.index === 0;
  throw origin.failure(
    'invisible-character',
    found.index,
    mark ? 'the file begins with a byte order mark' : `the invisible character U+${point} stands here`,
    mark ? 'Save it as UTF-8 without one.' : 'Delete it: with it the file does not read as it is understood.',
  );
}

function notYaml(origin: Origin, problem: YAMLError): Failure {
  const said = problem.message.split('\n')[0] ?? '';
  const [message, hint] = PROBLEMS[problem.code] ?? [
    `this is not YAML: ${said.charAt(0).toLowerCase()}${said.slice(1)}`,
    'Look at the quotes, brackets and indentation just before this place.',
  ];
  return origin.failure('bad-yaml', problem.pos[0], message, hint);
}

/** By the error codes of the yaml package. */
const PROBLEMS: Readonly<Record<string, readonly [message: string, hint: string]>> = {
  TAB_AS_INDENT: ['a tab is used for indentation', 'YAML indents with spaces: put two of them in place of the tab.'],
  MISSING_CHAR: ['a quote or bracket is not closed', 'Close it; this is where the search for its end was given up.'],
  BLOCK_AS_IMPLICIT_KEY: [
    'a second "key: value" stands in one line, or a line is indented under a value',
    'Put text that has ": " in it into quotes; give nested keys lines of their own.',
  ],
  MULTILINE_IMPLICIT_KEY: ['a key goes over several lines', 'Look for a missing ":" or quote in the line before.'],
  BAD_INDENT: ['the indentation does not fit what is around it', 'Align the line with its neighbours, with spaces.'],
  BAD_DIRECTIVE: ['a line begins with %', 'Directives are not used in a fleet.yaml; take the line out.'],
  TAG_RESOLVE_FAILED: ['tags (!) are not used in a fleet.yaml', 'Put text that begins with ! into quotes.'],
  BAD_ALIAS: [
    'anchors (&) and aliases (*) are not used in a fleet.yaml',
    'Put text that begins with * or & into quotes.',
  ],
  BAD_SCALAR_START: ['a plain value cannot begin with this character', 'Put the value into quotes.'],
  RESOURCE_EXHAUSTION: ['the file is nested too deeply', 'Look for a missing bracket or repeated dashes.'],
};
