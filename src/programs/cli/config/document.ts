import { Composer, isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, type Node, Parser, type YAMLError } from 'yaml';
import { Failure } from '../../../model/failure.ts';
import { INVISIBLE, type Path, pathText, shown } from './shown.ts';

/** Lexemes and nesting of a file. Its author may be anybody (a template, a pasted snippet): both bounds are held while
 *  lexing, before anything recursive or quadratic sees it. */
const MOST_LEXEMES = 100_000;
const DEEPEST = 64;

/** Where a value stands: offsets of its key and of itself, and how a scalar was written. */
interface Place {
  readonly key: number;
  readonly value: number;
  readonly written?: string;
}

/** A YAML file as plain data that remembers where everything stood. */
export class FleetDocument {
  readonly value: unknown;
  readonly #shown: string;
  readonly #lines: LineCounter;
  readonly #places: Map<string, Place> = new Map();

  /** @param file  the file's name in messages
   *  @throws Failure on everything that is not one plain YAML 1.2 document in the core schema: no anchors, aliases, tags, second
   *  documents, duplicate or non-text keys, invisible characters */
  constructor(text: string, file: string) {
    this.#shown = file;
    this.#lines = new LineCounter();
    this.value = this.#plain(this.#compose(text), []);
  }

  /** How a scalar was written, quotes off: `0777` stays `0777` though its value is 777. */
  written(path: Path): string | undefined {
    return this.#places.get(JSON.stringify(path))?.written;
  }

  /** Offset of a path's key or value, or of the nearest enclosing thing that exists; orders messages. */
  offset(path: Path, part: 'key' | 'value' = 'value'): number {
    for (let length = path.length; length >= 0; length--) {
      const place = this.#places.get(JSON.stringify(path.slice(0, length)));
      if (place) return length === path.length ? place[part] : place.value;
    }
    return 0;
  }

  failure(code: string, path: Path, message: string, hint: string, part: 'key' | 'value' = 'value'): Failure {
    return this.failureAt(code, this.offset(path, part), message, hint);
  }

  failureAt(code: string, offset: number, message: string, hint: string): Failure {
    const { line, col } = this.#lines.linePos(offset);
    return new Failure(code, message, hint, 2, `${this.#shown}:${Math.max(line, 1)}:${Math.max(col, 1)}`);
  }

  #compose(text: string): Node | null {
    this.#refuseInvisible(text);
    const parser = new Parser(this.#lines.addNewLine);
    const tokens = [];
    let lexemes = 0;
    for (const lexeme of new Lexer().lex(text)) {
      if (++lexemes > MOST_LEXEMES)
        throw this.failureAt(
          'file-too-large',
          parser.offset,
          `the file has more than ${MOST_LEXEMES} parts`,
          'A fleet of this size is probably a mistake; split it into several fleets.',
        );
      tokens.push(...parser.next(lexeme));
      if (parser.stack.length > DEEPEST)
        throw this.failureAt(
          'too-deep',
          parser.offset,
          'the file is nested too deeply',
          'A fleet.yaml has at most six levels; look for a missing bracket or a repeated dash here.',
        );
    }
    tokens.push(...parser.end());
    const composer = new Composer({
      version: '1.2',
      schema: 'core',
      merge: false,
      uniqueKeys: false,
      lineCounter: this.#lines,
    });
    let found: Node | null | undefined;
    for (const document of composer.compose(tokens, true, text.length)) {
      const problem = document.errors[0] ?? document.warnings[0];
      if (problem) throw this.#notYaml(problem);
      if (found !== undefined)
        throw this.failureAt(
          'many-documents',
          document.range[0],
          'a second document begins here',
          'One file holds one fleet: take the --- line out, or put the second fleet into a file of its own.',
        );
      found = document.contents as Node | null;
    }
    return found ?? null;
  }

  #refuseInvisible(text: string): void {
    // Positions before the lexer has run: count the lines here.
    for (let at = text.indexOf('\n'), start = 0; ; start = at + 1, at = text.indexOf('\n', start)) {
      this.#lines.addNewLine(start);
      if (at < 0) break;
    }
    const plain = text.replaceAll('\r\n', ' \n').replace(/[\t\n]/g, ' ');
    const found = INVISIBLE.exec(plain);
    const lines = this.#lines.lineStarts.length;
    if (found) {
      const code = found[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
      throw this.failureAt(
        'invisible-character',
        found.index,
        `the invisible character U+${code} stands here`,
        'Delete it: with it the file does not read as it is understood.',
      );
    }
    this.#lines.lineStarts.splice(0, lines);
  }

  #notYaml(problem: YAMLError): Failure {
    const said = problem.message.split('\n')[0] ?? '';
    const [message, hint] = YAML_PROBLEMS[problem.code] ?? [
      `this is not YAML: ${said.charAt(0).toLowerCase()}${said.slice(1)}`,
      'Look at the quotes, brackets and indentation just before this place.',
    ];
    return this.failureAt('bad-yaml', problem.pos[0], message, hint);
  }

  #plain(node: unknown, path: Path, key?: number): unknown {
    if (node === null || node === undefined) return null;
    const at = (node as Node).range?.[0] ?? 0;
    if (isAlias(node) || (node as { anchor?: string }).anchor)
      throw this.failureAt(
        'bad-yaml',
        at,
        'anchors (&) and aliases (*) are not used in a fleet.yaml',
        'Write the value out, or put what all agents share under defaults.',
      );
    const tag = (node as Node).tag;
    if (tag)
      throw this.failureAt(
        'bad-yaml',
        at,
        `the tag ${shown(tag)} is not used in a fleet.yaml`,
        'Take it out; put a value in quotes to make it text.',
      );
    const written = isScalar(node) ? node.source : undefined;
    this.#places.set(JSON.stringify(path), {
      key: key ?? at,
      value: at,
      ...(written === undefined ? {} : { written }),
    });
    if (isSeq(node)) return node.items.map((item, i) => this.#plain(item, [...path, i]));
    if (isMap(node)) return this.#map(node.items, path);
    if (isScalar(node)) {
      if (typeof node.value === 'string') this.#refuseControls(node.value, at, path);
      return node.value;
    }
    throw this.failureAt('bad-yaml', at, 'this is not a value', 'Write text, a number, a list or a mapping.');
  }

  #map(items: readonly { key: unknown; value: unknown }[], path: Path): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (const { key, value } of items) {
      const at = (key as Node | null)?.range?.[0] ?? this.offset(path);
      if (isAlias(key) || (isScalar(key) && (key.anchor || key.tag))) this.#plain(key, path);
      if (!isScalar(key) || typeof key.value !== 'string')
        throw this.failureAt(
          'bad-key',
          at,
          `a key in ${pathText(path)} is not text`,
          'Keys are words; put a key that looks like a number in quotes.',
        );
      const name = key.value;
      this.#refuseControls(name, at, path);
      if (name === '__proto__') throw this.failureAt('unknown-key', at, `"__proto__" is not a key`, 'Take it out.');
      if (Object.hasOwn(result, name))
        throw this.failureAt(
          'duplicate-key',
          at,
          `${shown(name)} stands twice in ${pathText(path)}`,
          'Keep one of the two; the first would be lost.',
        );
      result[name] = this.#plain(value, [...path, name], at);
    }
    return result;
  }

  #refuseControls(text: string, at: number, path: Path): void {
    if (!INVISIBLE.test(text.replace(/[\t\n]/g, ' '))) return;
    throw this.failureAt(
      'invisible-character',
      at,
      `a value in ${pathText(path)} has an invisible character: ${shown(text)}`,
      'Take the control character or escape sequence out.',
    );
  }
}

const YAML_PROBLEMS: Readonly<Record<string, readonly [string, string]>> = {
  TAB_AS_INDENT: ['a tab is used for indentation', 'YAML indents with spaces: replace the tab by two of them.'],
  MISSING_CHAR: ['a quote or bracket is not closed', 'Close it; the place given is where the file was given up.'],
  BLOCK_AS_IMPLICIT_KEY: [
    'a second ": " stands in one line, or a line is indented under a value',
    'Put text that has ": " in it into quotes; give nested keys lines of their own.',
  ],
  MULTILINE_IMPLICIT_KEY: ['a key goes over several lines', 'Look for a missing ":" or quote in the line before.'],
  BAD_INDENT: ['the indentation does not fit what is around it', 'Align the line with its neighbours, with spaces.'],
  BAD_DIRECTIVE: ['a line begins with %', 'Directives are not used in a fleet.yaml; take the line out.'],
  TAG_RESOLVE_FAILED: ['tags (!) are not used in a fleet.yaml', 'Take it out; put text that begins with ! in quotes.'],
  BAD_ALIAS: [
    'anchors (&) and aliases (*) are not used in a fleet.yaml',
    'Put text that begins with * or & into quotes.',
  ],
  BAD_SCALAR_START: ['a plain value cannot begin with this character', 'Put the value into quotes.'],
  RESOURCE_EXHAUSTION: ['the file is nested too deeply', 'Look for a missing bracket or a repeated dash.'],
};
