/** Programs that run what they are given to read. No mount confines what they compute. */
export interface Interpreter {
  readonly language: string;
  /** `any`: it can make system calls of its own choosing or map code, so whoever controls it runs any code. `shell`: it starts
   *  programs and reads and writes files, and nothing else. */
  readonly code: 'any' | 'shell';
}

const ANY: Readonly<Record<string, readonly string[]>> = {
  node: ['node', 'nodejs', 'npm', 'npx', 'corepack', 'yarn', 'pnpm', 'tsx', 'ts-node', 'deno', 'bun', 'bunx', 'qjs'],
  python: ['python', 'pip', 'pypy', 'ipython', 'uv', 'uvx', 'pipx', 'poetry', 'jupyter'],
  perl: ['perl', 'cpan'],
  ruby: ['ruby', 'irb', 'gem', 'bundle', 'rake'],
  php: ['php', 'composer'],
  lua: ['lua', 'luajit', 'texlua'],
  tcl: ['tclsh', 'wish', 'expect'],
  lisp: ['guile', 'racket', 'scheme', 'sbcl', 'clisp', 'emacs'],
  java: ['java', 'jshell', 'groovy', 'kotlin', 'scala', 'mvn', 'gradle'],
  dotnet: ['dotnet', 'mono', 'pwsh', 'csi'],
  erlang: ['erl', 'elixir', 'iex', 'escript'],
  r: ['R', 'Rscript', 'julia', 'octave'],
  haskell: ['ghci', 'runghc', 'runhaskell', 'ocaml'],
  editor: ['vim', 'nvim', 'view', 'vimdiff'],
  debugger: ['gdb', 'lldb', 'bpftrace', 'stap'],
  javascript: ['gjs', 'cscript'],
};

const SHELL: Readonly<Record<string, readonly string[]>> = {
  sh: ['sh', 'bash', 'rbash', 'dash', 'zsh', 'ksh', 'mksh', 'fish', 'busybox', 'toybox'],
  awk: ['awk', 'mawk', 'gawk', 'original-awk'],
  sed: ['sed', 'ed', 'ex', 'vi'],
  make: ['make', 'gmake', 'ninja', 'cmake', 'just'],
  sql: ['sqlite', 'psql', 'mysql'],
};

/** @param program  a name or a path; a version at the end (`python3.11`, `node-24`, `lua5.4`) makes no difference */
export function interpreter(program: string): Interpreter | undefined {
  const name = program.slice(program.lastIndexOf('/') + 1);
  const names = [name, name.replace(/[-.]?\d[\d.]*$/u, '')];
  for (const [table, code] of [[ANY, 'any'] as const, [SHELL, 'shell'] as const])
    for (const [language, members] of Object.entries(table))
      if (names.some((n) => members.includes(n))) return { language, code };
  return undefined;
}
