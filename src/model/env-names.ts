/** Names of environment variables (POSIX, "Environment Variable Definition": letters, digits, underscore, no digit first). */
export const ENV_NAME: RegExp = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

const OURS = new Set(['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'PWD', 'OLDPWD']);
const LOADER = new Set([
  'GLIBC_TUNABLES',
  'GCONV_PATH',
  'LOCPATH',
  'NLSPATH',
  'MALLOC_TRACE',
  'RES_OPTIONS',
  'HOSTALIASES',
]);
const SHELL = new Set(['BASH_ENV', 'ENV', 'IFS', 'SHELLOPTS', 'BASHOPTS', 'PS4', 'PROMPT_COMMAND']);

/** Why a fleet may not set this variable, as the end of "NAME ..."; undefined: it may.
 *
 *  Refused are the names that Bulkhead sets itself, those that change how *every* program is loaded (ld.so(8), section
 *  ENVIRONMENT, and glibc's own), and those that make every shell run or parse something else (bash(1)). What only one language's
 *  runtime obeys (NODE_OPTIONS, PYTHONPATH) is an ordinary setting of that program and allowed. */
export function refusedEnv(name: string): string | undefined {
  if (OURS.has(name) || name.startsWith('BULKHEAD_')) return 'is set by Bulkhead';
  if (name.startsWith('LD_') || LOADER.has(name)) return 'changes how every program is loaded';
  if (SHELL.has(name)) return 'changes what every shell runs';
  return undefined;
}
