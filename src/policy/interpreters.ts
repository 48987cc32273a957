/** Programs that run what they are given to read. No mount confines what they compute. */
export type Interpreter = 'any' | 'shell';

/** Can make system calls of their own choosing, open sockets, or map code: whoever controls one runs any code. */
const ANY: readonly string[] = [
  ...[
    'node',
    'nodejs',
    'npm',
    'npx',
    'deno',
    'bun',
    'python',
    'pip',
    'pypy',
    'ipython',
    'perl',
    'ruby',
    'php',
    'lua',
    'luajit',
  ],
  ...[
    'tclsh',
    'wish',
    'expect',
    'guile',
    'racket',
    'scheme',
    'sbcl',
    'clisp',
    'emacs',
    'vim',
    'nvim',
    'gdb',
    'lldb',
    'java',
  ],
  ...[
    'jshell',
    'groovy',
    'kotlin',
    'scala',
    'erl',
    'elixir',
    'iex',
    'julia',
    'R',
    'Rscript',
    'octave',
    'ghci',
    'runghc',
    'ocaml',
  ],
  ...[
    'gcc',
    'g++',
    'cc',
    'c++',
    'clang',
    'tcc',
    'as',
    'ld',
    'go',
    'rustc',
    'cargo',
    'make',
    'cmake',
    'dotnet',
    'mono',
    'pwsh',
  ],
  ...['gawk', 'qjs', 'busybox', 'sqlite3', 'psql', 'swift', 'zig', 'bpftrace', 'gjs', 'stap'],
];

/** Read a language of their own and start programs from it, but make no calls except for that and for files. */
const SHELLS: readonly string[] = [
  ...[
    'sh',
    'bash',
    'dash',
    'zsh',
    'ksh',
    'mksh',
    'fish',
    'rbash',
    'awk',
    'mawk',
    'original-awk',
    'sed',
    'ed',
    'ex',
    'vi',
  ],
  ...['find', 'xargs', 'env', 'git', 'less', 'more', 'man', 'tmux', 'screen'],
];

/** @param program  a name or a path; a version at the end (`python3.11`, `node-24`, `lua5.4`) makes no difference */
export function interpreter(program: string): Interpreter | undefined {
  const name = program.slice(program.lastIndexOf('/') + 1);
  const names = [name, name.replace(/[-.]?\d[\d.]*$/u, '')];
  if (names.some((n) => ANY.includes(n))) return 'any';
  return names.some((n) => SHELLS.includes(n)) ? 'shell' : undefined;
}
