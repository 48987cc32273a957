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

/** Identical is what has the same file content, arguments, working directory and deciding environment. */
export function commandSubject(agent: AgentName, terms: CommandTerms): Subject {
  const { program, argv, cwd, environment, script } = terms;
  const digest = createHash('sha256')
    .update(
      canonicalJson({
        kind: 'command',
        file: program.digest,
        argv,
        cwd,
        environment,
        ...(script && { script: script.digest }),
      }),
    )
    .digest('hex');
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

/** Names of the environment that change what a program does or what it starts: loaders, interpreters, pagers, editors, git, search
 *  paths (ld.so(8), bash(1), git(1), and what attack 71 of docs/threats.md lists). PATH counts when it is not the one we give. */
const DECIDING =
  /^(?:LD_|GIT_|GCONV_PATH|PERL|PYTHON|NODE_|RUBY|JAVA_|_JAVA_|JDK_|MAVEN_|GRADLE_|npm_config_|NPM_|BASH_|ENV=|SHELLOPTS|IFS=|PATH=|HOME=|XDG_CONFIG|PAGER|MANPAGER|LESS|EDITOR|VISUAL|SSH_|CARGO_|RUST|GO[A-Z]+=|MAKE|CC=|CXX=|CURL_|WGET|TAR_|RSYNC_|OPENSSL_|SSL_|[A-Z_]*_OPTIONS=|HTTPS?_PROXY|ALL_PROXY|https?_proxy|all_proxy)/;

/** @param given  the environment that the compartment's own start gives: what is as given there decides nothing */
export function decidingEnvironment(environment: readonly string[], given: Readonly<Record<string, string>>): string[] {
  const usual = new Set(Object.entries(given).map(([name, value]) => `${name}=${value}`));
  return environment.filter((entry) => DECIDING.test(entry) && !usual.has(entry)).sort();
}
