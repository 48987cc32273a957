import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentName } from '../../../src/model/names.ts';
import { type CommandTerms, commandSubject } from '../../../src/policy/question/command.ts';
import { decidingEnvironment } from '../../../src/policy/question/deciding-environment.ts';

const GIVEN = { PATH: '/usr/bin:/bin', HOME: '/home/agent', SHELL: '/bin/sh', LANG: 'C.UTF-8' };
const program = { name: 'tool', path: '/opt/a/tool', digest: 'd' };
const terms: CommandTerms = { program, argv: ['tool', 'x'], cwd: '/workspace', environment: [] };
const digest = (change: Partial<CommandTerms>): string =>
  commandSubject(agentName('a'), { ...terms, ...change }).digest;

test('the same content at another path, or made by the agent, is another command', () => {
  const all = [
    digest({}),
    digest({ program: { ...program, path: '/workspace/tool' } }),
    digest({ program: { ...program, own: true } }),
    digest({ script: { path: '/opt/a/s', digest: 's' } }),
    digest({ script: { path: '/workspace/s', digest: 's' } }),
    digest({ argv: ['tool', 'y'] }),
    digest({ cwd: '/' }),
    digest({ environment: ['PIP_INDEX_URL=x'] }),
  ];
  assert.equal(new Set(all).size, all.length);
  assert.equal(digest({}), all[0]);
});

test('a variable that programs obey decides, unless it is as the compartment gives it', () => {
  const obeyed = [
    ...[
      'LD_PRELOAD',
      'LD_AUDIT',
      'GLIBC_TUNABLES',
      'GCONV_PATH',
      'PATH',
      'HOME',
      'IFS',
      'ENV',
      'BASH_ENV',
      'SHELLOPTS',
      'ZDOTDIR',
    ],
    ...[
      'PERL5OPT',
      'PYTHONSTARTUP',
      'PYTHONPATH',
      'NODE_OPTIONS',
      'RUBYOPT',
      'JAVA_TOOL_OPTIONS',
      '_JAVA_OPTIONS',
      'LUA_INIT',
      'AWKPATH',
    ],
    ...[
      'AWKLIBPATH',
      'PIP_INDEX_URL',
      'PIP_CONFIG_FILE',
      'UV_INDEX_URL',
      'npm_config_registry',
      'NPM_CONFIG_REGISTRY',
      'GOPROXY',
      'GOFLAGS',
      'GOTOOLCHAIN',
      'GONOSUMDB',
    ],
    ...[
      'CARGO_HOME',
      'RUSTC_WRAPPER',
      'GIT_SSH_COMMAND',
      'GIT_CONFIG_COUNT',
      'HGRCPATH',
      'GNUPGHOME',
      'KUBECONFIG',
      'AWS_PROFILE',
    ],
    ...[
      'PSQLRC',
      'PGHOST',
      'PSQL_PAGER',
      'SYSTEMD_PAGER',
      'MANPAGER',
      'PAGER',
      'LESSOPEN',
      'EDITOR',
      'SUDO_EDITOR',
      'VISUAL',
      'BROWSER',
    ],
    ...[
      'VIMINIT',
      'EXINIT',
      'INPUTRC',
      'XDG_CONFIG_HOME',
      'TERMINFO',
      'HOSTALIASES',
      'RES_OPTIONS',
      'MAKEFLAGS',
      'CC',
      'LDFLAGS',
      'CURL_HOME',
    ],
    ...[
      'HTTPS_PROXY',
      'http_proxy',
      'ALL_PROXY',
      'no_proxy',
      'SSL_CERT_FILE',
      'ANTHROPIC_BASE_URL',
      'PROMPT_COMMAND',
      'OPENSSL_CONF',
    ],
  ].map((name) => `${name}=changed`);
  assert.deepEqual(decidingEnvironment(obeyed, GIVEN), obeyed.toSorted());
  const given = Object.entries(GIVEN).map(([name, value]) => `${name}=${value}`);
  assert.deepEqual(decidingEnvironment(given, GIVEN), []);
});

test('what shells set for themselves, and how wide a screen is, decide nothing', () => {
  const idle = [
    'TERM=xterm',
    'COLUMNS=80',
    'LINES=24',
    'PWD=/x',
    'OLDPWD=/y',
    'SHLVL=2',
    '_=/bin/x',
    'LC_ALL=C',
    'USER=a',
    'n=1',
  ];
  assert.deepEqual(decidingEnvironment(idle, GIVEN), []);
});
