import assert from 'node:assert/strict';
import test from 'node:test';
import { parseFleet } from '../../src/programs/cli/config/parse.ts';
import { codeOf, failureOf, parsed, READING, refused, withAgent } from './reading.ts';

test('an unknown key is refused in two lines, with its place and what was probably meant', () => {
  const text = `${'\n'.repeat(10)}fleet: x\nagents:\n  herald:\n        egres: [a.example]\n`;
  assert.equal(
    refused(text),
    'fleet.yaml:14:9: unknown key "egres" in agents.herald\n' +
      'Did you mean "egress"?  bulkhead plan -f fleet.yaml checks the file without changing anything.',
  );
});

test('unknown keys are refused at every level', () => {
  for (const lines of [
    'frob: 1',
    'exec: { frob: 1 }',
    'limits: { frob: 1 }',
    'health: { port: 1, frob: 1 }',
    'egress: [{ host: a.example, frob: 1 }]',
  ])
    assert.equal(codeOf(lines), 'unknown-key', lines);
  for (const before of ['frob: 1\n', 'operators: { o: { user: x, frob: 1 } }\n', 'defaults: { frob: 1 }\n'])
    assert.equal(codeOf('{}', before), 'unknown-key', before);
  for (const key of ['__proto__', 'constructor', 'toString', '<<'])
    assert.equal(codeOf(`${key}: {}`), 'unknown-key', key);
  assert.equal(codeOf('env: { __proto__: x }'), 'unknown-key');
  assert.equal(codeOf('egress: [a.example]', 'defaults: { egress: [b.example] }\n'), 'unknown-key');
});

test('the earliest mistake in the file is the one that is told', () => {
  assert.match(refused('fleet: x\nagents:\n  a: { tier: q }\nzzz: 1\n'), /^fleet\.yaml:3:14: "q" in agents\.a\.tier/);
});

test('what a later version brings is refused by name, never accepted and ignored', () => {
  for (const lines of [
    'harness: claude-code',
    'model: m',
    'presets: false',
    'secrets: { A: { secret: b, to: a.example, rotate: 30d } }',
    'mail: [b]',
    'shares: [b]',
    'sockets: [b]',
    'manages: { b: [restart] }',
    'heartbeat: { every: 30m }',
    'hours: 07:00-19:00 Europe/Berlin',
    'notify: [x]',
    'tier: container',
    'tier: vm',
    'egress: [telegram]',
    'egress: [{ host: a.example, methods: [GET] }]',
    'egress: [{ host: a.example, paths: ["/x"] }]',
  ])
    assert.equal(codeOf(lines), 'not-yet', lines);
  for (const before of ['operators: { o: { user: x, telegram: 1 } }\n', 'defaults: { tier: vm }\n'])
    assert.equal(codeOf('{}', before), 'not-yet', before);
});

test('who is told must be a command with somebody to run it as, or a web address', () => {
  const told = (notify: string, user = 'you'): string =>
    refused(`fleet: x\noperators: { o: { user: ${user} } }\nnotify: ${notify}\nagents: { a: {} }\n`);
  assert.match(told('[]'), /empty list/);
  assert.match(told('ftp://x/y'), /no web address/);
  assert.match(told('https://me:pw1234@x/y'), /looks like a password in a URL/);
  assert.match(told('{ webhook: "https://x/y", as: xml }'), /is not one of the choices|xml/);
  assert.match(told('[ntfy, publish]', 'root'), /^fleet\.yaml:3:9: the command in notify has nobody to run as/);
});

test('how long is asked is a length of time, within bounds', () => {
  for (const [ask, message] of [
    ['wait: 60', /is not a length of time/],
    ['wait: 11m', /is too long, in agents\.a\.ask\.wait/],
    ['deadline: 30s', /is too short, in agents\.a\.ask\.deadline/],
    ['deadline: 31d', /is too long/],
    ['patience: 5m', /unknown key "patience"/],
  ] as const)
    assert.match(refused(`fleet: x\nagents:\n  a: { ask: { ${ask} } }\n`), message);
  assert.match(refused('fleet: x\ndefaults: { ask: { wait: 1h } }\nagents: { a: {} }\n'), /in defaults\.ask\.wait/);
});

test('an argv rule that cannot mean what it says is refused, and so is one that its examples contradict, at the line', () => {
  const told = (exec: string): string => refused(`fleet: x\nagents:\n  a:\n    exec:\n      ${exec}\n`);
  assert.match(
    told('ask-argv: ["* push"]'),
    /^fleet\.yaml:5:18: the rule "\* push" in agents\.a\.exec\.ask-argv\[0\] has a pattern/,
  );
  assert.match(told('deny-argv: ["git ** push"]'), /has \*\* before its end/);
  assert.match(told(`ask-argv: ["git 'push"]`), /a quote is not closed/);
  assert.match(told(`ask-argv: [{ rule: "git push **", matches: [x] }]`), /"matches"|is not a rule/);
  const examples =
    'ask-argv:\n        - rule: git push **\n          match: [git push origin, git -C x push]\n          not-match: [git log, git -c a=b push]';
  assert.match(told(examples), /^fleet\.yaml:8:32: "git -c a=b push" is matched by the rule "git push \*\*"/);
  assert.match(told('allow-argv: [{ rule: "jq . *", match: ["jq . -f"] }]'), /"jq \. -f" is not matched/);
});

test('an empty list where a list matters is an error, and so is a key without a value', () => {
  for (const lines of ['command: []', 'egress: []', 'ports: []', 'knowledge: []', 'exec: { sets: [] }'])
    assert.equal(codeOf(lines), 'empty-list', lines);
  for (const before of ['operators: {}\n', 'knowledge: {}\n', 'defaults: { exec: { allow: [] } }\n'])
    assert.equal(codeOf('{}', before), 'empty-list', before);
  assert.equal(failureOf('fleet: x\nagents: {}\n').code, 'empty-list');
  for (const lines of ['egress:', 'command:', 'workspace: ~', 'env:', 'exec: { sets: }', 'limits: { memory: }'])
    assert.equal(codeOf(lines), 'no-value', lines);
  assert.equal(failureOf('fleet: x\nagents:\n').code, 'no-value');
  assert.equal(failureOf('fleet: x\nagents:\n  a:\n').code, 'no-value');
  for (const empty of ['', '\n\n', '# nothing\n', '---\n', '~', '{}'])
    assert.match(failureOf(empty).code, /^(?:no-value|missing-key)$/, JSON.stringify(empty));
});

test('values of the wrong type or out of range are refused at the value', () => {
  for (const lines of [
    'role: 12',
    'role: "a\\nb"',
    'command: node x.js',
    'command: [""]',
    'command: [[a]]',
    'workspace: [a]',
    'shared: yes',
    'env: [A]',
    'env: { A: [b] }',
    'exec: [base]',
    'exec: { sets: base }',
    'exec: { sets: [base, bse] }',
    'exec: { own: sometimes }',
    'limits: { memory: 2X }',
    'limits: { memory: 1.5G }',
    'limits: { memory: -1 }',
    'limits: { memory: .inf }',
    'limits: { memory: 1M }',
    'limits: { memory: 99999T }',
    'limits: { disk: 0 }',
    'limits: { processes: 1 }',
    'limits: { processes: 1.5 }',
    'limits: { processes: 12345678901234567890 }',
    'limits: { cpu: 2 }',
    'limits: { cpu: 0% }',
    'limits: { cpu: 999999% }',
    'ports: 80',
    'ports: [0]',
    'ports: [65536]',
    'ports: [1.5]',
    'ports: ["80"]',
    'health: { port: 70000 }',
    'health: { port: 1, path: health }',
    'health: { port: 1, path: "/a b" }',
  ])
    assert.match(codeOf(lines), /^(?:bad-value|out-of-range)$/, lines);
  for (const lines of ['ports: [1, 1]', 'exec: { sets: [base, base] }', 'egress: [a.example, "A.example:443"]'])
    assert.equal(codeOf(lines), 'duplicate-entry', lines);
  assert.equal(codeOf('health: { path: / }'), 'missing-key');
  assert.equal(failureOf('agents: { a: {} }').code, 'missing-key');
  assert.equal(failureOf('fleet: x').code, 'missing-key');
});

test('names that could leave a path, a line or a user name are refused', () => {
  for (const name of [
    '../a',
    'a/b',
    'A',
    'a_b',
    '-a',
    'a-',
    'a--b',
    '1a',
    'a b',
    '',
    'a\\nb',
    'a\\tb',
    'ä',
    'a'.repeat(300),
  ]) {
    assert.equal(failureOf(`fleet: x\nagents: { "${name}": {} }`).code, 'bad-name', name);
    assert.match(failureOf(`fleet: "${name}"\nagents: { a: {} }`).code, /^bad-(?:value|name)$/, name);
  }
});

test('hosts that two programs could read differently are refused', () => {
  for (const entry of [
    '"*"',
    '"*.com"',
    '"a.*.example"',
    'https://a.example/',
    'a.example/x',
    'a.example.',
    'a..example',
    '.a.example',
    'u@a.example',
    '"a.example:0"',
    '"a.example:65536"',
    '"a.example:80:80"',
    '"a.example:"',
    '127.1',
    '0x7f000001',
    '0177.0.0.1',
    '2130706433',
    '3221225985',
    '0xc0000201',
    '192.0.513',
    '0300.0.2.1',
    '1.2.3.4.5',
    '127.0.0.1',
    '"[::1]:80"',
    '"[::ffff:127.0.0.1]:80"',
    'localhost',
    'x.localhost',
    '0.0.0.0',
    '224.0.0.1',
    '198.18.0.1',
    '"*.192.0.2.1"',
    'bulkhead.internal',
    '"a\\0.example"',
    '"a%2eb.example"',
    '"a\\u3002example"',
    '-a.example',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(130)}example`,
    '{ host: a.example, address: b.example }',
    '{ host: a.example, address: 0.0.0.0 }',
    '{ host: "*.a.example", address: 192.0.2.1 }',
    '{ host: 192.0.2.2, address: 192.0.2.1 }',
    '{ host: a.example, port: 0 }',
  ])
    assert.match(codeOf(`egress: [${entry}]`), /^(?:bad-host|bad-value|invisible-character)$/, entry);
});

test('paths that hold more than one agent should have, or that hide where they lead, are refused', () => {
  for (const path of ['../x', '~/a/../..', '~other/x', `/${'a'.repeat(300)}`, `/${'a/'.repeat(900)}`, '"/a\\nb"'])
    assert.equal(codeOf(`workspace: ${path}\nshared: true`), 'bad-path', path);
  for (const path of [
    '/',
    '/home',
    '/home/you',
    '"~"',
    '~/',
    '.',
    '/etc',
    '/etc/x',
    '/usr/lib/x',
    '/proc/self',
    '/var',
    '~/.ssh',
    '~/.config/x',
  ])
    assert.equal(codeOf(`workspace: ${path}\nshared: true`), 'too-wide', path);
  for (const path of ['/', '~/', '~/.ssh/id_ed25519', '/dev/sda', '/run/x'])
    assert.equal(codeOf('{}', `knowledge: { k: ${path} }\n`), 'too-wide', path);
  assert.equal(codeOf('workspace: ~/x'), 'shared-required');
  assert.equal(codeOf('workspace: ~/x\nshared: false'), 'shared-required');
  assert.equal(codeOf('shared: true'), 'shared-without-workspace');
});

test('a workspace that holds the fleet.yaml itself is refused: the agent would write its own policy', () => {
  const reading = { ...READING, source: '/srv/work/conf/fleet.yaml' };
  const text = (path: string): string => withAgent(`workspace: ${path}\nshared: true`);
  for (const path of ['/srv/work', '/srv/work/conf', '.'])
    assert.throws(() => parseFleet(text(path), reading), { code: 'policy-in-reach' }, path);
  assert.ok(parseFleet(text('./site'), reading));
});

test('two agents never get the same port, folder or user', () => {
  const two = (a: string, b: string): string => `fleet: x\nagents:\n  a: { ${a} }\n  b: { ${b} }\n`;
  assert.equal(failureOf(two('ports: [80, 81]', 'ports: [81]')).code, 'port-clash');
  assert.equal(
    failureOf(two('workspace: ~/a, shared: true', 'workspace: ~/a/b, shared: true')).code,
    'workspace-clash',
  );
  assert.ok(parsed(two('workspace: ~/a, shared: true', 'workspace: ~/ab, shared: true')));
});

test('knowledge in a folder that an agent may change is refused: a link in its place would show anything', () => {
  const fleet = (knowledge: string): string =>
    `fleet: x\nknowledge: { k: ${knowledge} }\nagents:\n  a: { workspace: ~/site, shared: true }\n  b: { knowledge: [k] }\n`;
  for (const path of ['~/site', '~/site/docs', '~/site/docs/TASKS.md'])
    assert.equal(failureOf(fleet(path)).code, 'knowledge-clash', path);
  assert.ok(parsed(fleet('~/site2/docs')));
});

test('what looks like a key is refused, in env, in comments and anywhere else, and is never repeated', () => {
  const random = 'q7Zk29xLm0Vb4Nc8Rt1Yp6Wd3Sf5Hg2J';
  for (const line of [
    `env: { A: sk-ant-${random} }`,
    `env: { A: ghp_${random} }`,
    'env: { A: AKIAABCDEFGHIJKLMNOP }',
    'env: { A: xoxb-1234567890-abcdef }',
    `env: { A: ${random} }`,
    'env: { A: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b }',
    'env: { GITHUB_TOKEN: x }',
    'env: { OPENAI_API_KEY: 1 }',
    'env: { DB_PASSWORD: hunter }',
    'env: { A: "postgres://u:pw@db.example/x" }',
    'env: { A: "-----BEGIN OPENSSH PRIVATE KEY-----" }',
    `command: [curl, -H, "Authorization: Bearer ghp_${random}"]`,
    `role: x # ghp_${random}`,
  ]) {
    const failure = failureOf(withAgent(line));
    assert.equal(failure.code, 'secret-in-file', line);
    assert.ok(!/hunter|q7Zk|AKIA|1234567890|pw@/.test(failure.message + failure.hint), line);
  }
  assert.equal(codeOf('{}', 'defaults: { env: { X_SECRET: y } }\n'), 'secret-in-file');
  for (const line of [
    'env: { MAX_TOKENS: 4096 }',
    'env: { NODE_OPTIONS: --max-old-space-size=512 }',
    'env: { LANG: C.UTF-8 }',
    'env: { A_FOLDER: /workspace/some/long/path/with-123-numbers/in-it }',
  ])
    assert.ok(parsed(withAgent(line)), line);
});

test('variables that Bulkhead sets, or that change how programs are loaded, are refused', () => {
  for (const name of ['PATH', 'HOME', 'LD_PRELOAD', 'LD_AUDIT', 'GCONV_PATH', 'BASH_ENV', 'IFS', 'BULKHEAD_STATE'])
    assert.equal(codeOf(`env: { ${name}: x }`), 'refused-env', name);
  for (const name of ['1A', 'A-B', '"A=B"', '""', '"A\\nB"'])
    assert.equal(codeOf(`env: { ${name}: x }`), 'bad-name', name);
});

test('programs are names or absolute paths; the loader is none', () => {
  for (const program of ['a/b', './a', '"a b"', '..', '.', '""', '-x', '/', '/a/../b', '/a/', '"a\\nb"'])
    assert.equal(codeOf(`exec: { allow: [${program}] }`), 'bad-program', program);
  for (const program of ['/lib64/ld-linux-x86-64.so.2', 'ld.so', 'ld-musl-x86_64.so.1'])
    assert.match(refused(withAgent(`exec: { allow: [${program}] }`)), /is the loader/);
  assert.ok(parsed(withAgent('exec: { allow: [ld, ldd] }')));
});

test('a command that the agent could not start is told now, with the line that mends it', () => {
  assert.match(refused(withAgent('command: [node, x.js]')), /sets: \[base, node\]/);
  assert.match(refused(withAgent('command: [perl]')), /allow: \[perl\]/);
  assert.match(refused(withAgent('command: [bash]\nexec: { deny: [bash] }')), /exec\.deny names it/);
  assert.ok(parsed(withAgent('command: [perl]\nexec: { allow: [perl] }')));
});

test('knowledge must be there to be given', () => {
  assert.match(
    refused(withAgent('knowledge: [handbok]', 'knowledge: { handbook: ./h }\n')),
    /Did you mean "handbook"\?/,
  );
  assert.equal(codeOf('knowledge: [x]'), 'unknown-knowledge');
});

test('an operator is a person: no agent, no program, nobody twice', () => {
  for (const operators of [
    '{ a: { user: bh-x-y } }',
    '{ a: { user: bulkhead-desk } }',
    '{ a: { user: x }, b: { user: x } }',
  ])
    assert.equal(codeOf('{}', `operators: ${operators}\n`), 'bad-operator', operators);
  assert.equal(codeOf('{}', 'operators: { a: { user: "x y" } }\n'), 'bad-value');
});
