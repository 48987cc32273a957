/** Names of the environment that change what a program does or what it starts: loaders, interpreters, pagers, editors, git, package
 *  managers, search paths, and any that is named as settings are (ld.so(8), bash(1), git(1), gawk(1), pip(1), vim(1), and what attack 71
 *  of docs/threats.md lists). It is a list: a program may obey a name that is not in it (LIMITS). */
const BEGINNINGS = [
  ...['LD_', 'GLIBC_', 'MALLOC_', 'GCONV_', 'BASH_', 'ZDOT', 'FPATH', 'ENV=', 'SHELL', 'IFS=', 'CDPATH', 'PROMPT_'],
  ...['PERL', 'PYTHON', 'NODE_', 'RUBY', 'GEM_', 'BUNDLE_', 'LUA_', 'TCL', 'PHP', 'R_', 'JULIA_', 'ERL_', 'GUILE_'],
  ...['JAVA_', '_JAVA_', 'JDK_', 'CLASSPATH', 'MAVEN_', 'GRADLE_', 'ANT_', 'DENO_', 'BUN_', 'COREPACK_'],
  ...[
    'npm_config_',
    'NPM_',
    'YARN_',
    'PNPM_',
    'PIP_',
    'PIPX_',
    'UV_',
    'POETRY_',
    'CONDA_',
    'VIRTUAL_ENV',
    'CARGO_',
    'RUST',
  ],
  ...['GIT_', 'HG', 'SVN_', 'SSH_', 'GNUPG', 'GPG_', 'CURL_', 'WGET', 'TAR_', 'RSYNC_', 'OPENSSL_', 'SSL_', 'LESS'],
  ...['AWS_', 'DOCKER_', 'KUBE', 'HELM_', 'TERRAFORM_', 'TF_', 'PG', 'PSQL', 'MYSQL_', 'REDIS', 'ANSIBLE_'],
  ...[
    'MAKE',
    'CMAKE_',
    'NINJA_',
    'CC=',
    'CXX=',
    'CPP=',
    'AR=',
    'AS=',
    'NM=',
    'GCC_',
    'PKG_CONFIG',
    'AWK',
    'TERM',
    'HOSTALIASES',
    'LOCALDOMAIN',
  ],
  ...[
    'PAGER',
    'EDITOR',
    'VISUAL',
    'VIM',
    'EXINIT',
    'NVIM_',
    'EMACS',
    'INPUTRC',
    'LOCPATH',
    'NLSPATH',
    'TZDIR',
    'GTK_',
    'QT_',
  ],
];
const ENDINGS = [
  'PATH',
  'HOME',
  'RC',
  'OPTIONS',
  'OPTS',
  'OPT',
  'FLAGS',
  'ARGS',
  'PAGER',
  'EDITOR',
  'BROWSER',
  'SHELL',
  'COMMAND',
];
const WITHIN = ['_CONFIG', 'PRELOAD', 'PROXY', 'proxy', '_URL', 'REGISTRY', '_INIT'];
/** How a screen looks, and what every shell sets for itself. */
const NEVER = /^(?:TERM|COLUMNS|LINES|PWD|OLDPWD|SHLVL|_)=/;
const GO = /^GO[A-Z]+=/;

const DECIDING = new RegExp(
  `^(?:${BEGINNINGS.join('|')})|^[^=]*(?:${ENDINGS.join('|')})=|^[^=]*(?:${WITHIN.join('|')})`,
);

/** @param environment  entries NAME=VALUE
 *  @param given  the environment that the compartment's own start gives: what is as given there decides nothing
 *  @returns sorted */
export function decidingEnvironment(environment: readonly string[], given: Readonly<Record<string, string>>): string[] {
  const usual = new Set(Object.entries(given).map(([name, value]) => `${name}=${value}`));
  const decides = (entry: string): boolean => !NEVER.test(entry) && (DECIDING.test(entry) || GO.test(entry));
  return environment.filter((entry) => decides(entry) && !usual.has(entry)).sort();
}
