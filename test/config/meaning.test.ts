import assert from 'node:assert/strict';
import test from 'node:test';
import { agentOf, parsed, refused } from './reading.ts';

test('the smallest fleet of this version stands, with every default applied', () => {
  const text = 'fleet: home\nagents:\n  coder:\n    workspace: ~/projects/site\n    shared: true   # mine\n';
  assert.deepEqual(parsed(text), {
    format: 1,
    fleet: 'home',
    source: '/home/you/fleet.yaml',
    operators: [{ name: 'owner', user: 'you' }],
    agents: [
      {
        name: 'coder',
        tier: 'sandbox',
        workspace: { kind: 'shared', path: '/home/you/projects/site' },
        env: {},
        exec: { sets: ['base'], allow: [], deny: [], own: 'never', ask: 'on-miss' },
        limits: { memory: 2 * 1024 ** 3, processes: 256, cpu: 100, disk: 5 * 1024 ** 3 },
        egress: [],
        ports: [],
        knowledge: [],
      },
    ],
  });
});

test('argv rules come through as words, with their examples tried and left behind', () => {
  const { exec } = agentOf(
    'exec: { ask-argv: ["git push **", { rule: [rm, -rf, "**"], match: ["rm -fr x"] }], allow-argv: ["jq . *"] }',
  );
  assert.deepEqual(exec.askArgv, [
    ['git', 'push', '**'],
    ['rm', '-rf', '**'],
  ]);
  assert.deepEqual(exec.allowArgv, [['jq', '.', '*']]);
  assert.equal('denyArgv' in exec, false);
});

test('notify is a command that runs as the first operator, or a webhook', () => {
  const notify = (line: string) => parsed(`fleet: x\nnotify: ${line}\nagents: { a: {} }\n`).notify;
  assert.deepEqual(notify('[ntfy, publish, 7]'), { kind: 'command', argv: ['ntfy', 'publish', '7'], user: 'you' });
  assert.deepEqual(notify('https://ntfy.test/t'), { kind: 'webhook', url: 'https://ntfy.test/t', as: 'text' });
  assert.equal((notify('https://hooks.slack.com/services/x') as { as: string }).as, 'slack');
  assert.deepEqual(notify('{ webhook: "http://x.test/", as: json }'), {
    kind: 'webhook',
    url: 'http://x.test/',
    as: 'json',
  });
});

test('unknown hosts are asked for where the agent or the defaults say so, and for how long', () => {
  assert.equal('egressAsk' in agentOf('{}'), false);
  assert.equal(agentOf('egress-ask: true').egressAsk, true);
  assert.equal('egressAsk' in agentOf('egress-ask: false', 'defaults: { egress-ask: true }\n'), false);
  assert.equal(agentOf('{}', 'defaults: { egress-ask: true }\n').egressAsk, true);
  assert.deepEqual(agentOf('ask: { wait: 5s }', 'defaults: { ask: { wait: 1s, deadline: 2d } }\n').ask, {
    wait: 5000,
    deadline: 2 * 24 * 3_600_000,
  });
  assert.deepEqual(agentOf('ask: { deadline: 1h }').ask, { wait: 60_000, deadline: 3_600_000 });
});

test('everything that this version knows comes through', () => {
  const text = `
fleet: studio
operators:
  owner: { user: you }
defaults:
  tier: sandbox
  exec: { sets: [base, git, python, node], allow: [jq], deny: [ssh, nc], ask: never, own: never }
  limits: { memory: 2G, processes: 256, cpu: 100%, disk: 5G }
  env: { LANG: C.UTF-8, TZ: UTC }
knowledge:
  handbook: ./knowledge/handbook
  tasks: /srv/fleet/TASKS.md
agents:
  clerk:
    role: Sorts the mail folder
    command: [node, clerk.js, --every, 60]
    env: { TZ: Europe/Berlin, PORT: 8080, DEBUG: true }
    exec: { allow: [], own: allow }
    limits: { cpu: 250%, memory: 512M }
    egress: [github.com, "*.Example.com:8443", { host: ollama.internal, port: 11434, address: 127.0.0.1 }]
    ports: [18789]
    health: { port: 18789, path: /health }
    knowledge: [tasks, handbook]
`;
  assert.deepEqual(parsed(text).operators, [{ name: 'owner', user: 'you' }]);
  assert.deepEqual(parsed(text).agents, [
    {
      name: 'clerk',
      role: 'Sorts the mail folder',
      tier: 'sandbox',
      command: ['node', 'clerk.js', '--every', '60'],
      workspace: { kind: 'own' },
      env: { LANG: 'C.UTF-8', TZ: 'Europe/Berlin', PORT: '8080', DEBUG: 'true' },
      exec: { sets: ['base', 'git', 'python', 'node'], allow: [], deny: ['ssh', 'nc'], own: 'allow', ask: 'never' },
      limits: { memory: 512 * 1024 ** 2, processes: 256, cpu: 250, disk: 5 * 1024 ** 3 },
      egress: [
        { host: 'github.com', port: 443 },
        { host: '*.example.com', port: 8443 },
        { host: 'ollama.internal', port: 11434, address: '127.0.0.1' },
      ],
      ports: [18789],
      health: { port: 18789, path: '/health' },
      knowledge: [
        { name: 'tasks', path: '/srv/fleet/TASKS.md' },
        { name: 'handbook', path: '/home/you/knowledge/handbook' },
      ],
    },
  ]);
});

test('words of a command and of env are taken as they are written', () => {
  const agent = agentOf('command: [sleep, 0600, 1e3, 0x10, yes, true, "null"]\nenv: { A: 007, B: 1.50, C: "" }');
  assert.deepEqual(agent.command, ['sleep', '0600', '1e3', '0x10', 'yes', 'true', 'null']);
  assert.deepEqual(agent.env, { A: '007', B: '1.50', C: '' });
});

test('a list of an agent replaces the one of the defaults, key by key', () => {
  const before = 'defaults: { exec: { allow: [jq], deny: [ssh] } }\n';
  assert.deepEqual(agentOf('exec: { allow: [make] }', before).exec, {
    sets: ['base'],
    allow: ['make'],
    deny: ['ssh'],
    own: 'never',
    ask: 'on-miss',
  });
});

test('true and false are programs, as YAML booleans too', () => {
  assert.deepEqual(agentOf('exec: { allow: [true, false, "[", g++, /opt/x/bin/y] }').exec.allow, [
    'true',
    'false',
    '[',
    'g++',
    '/opt/x/bin/y',
  ]);
});

test('sizes count in 1024, a plain number is bytes', () => {
  const sizes = (memory: string): number => agentOf(`limits: { memory: ${memory} }`).limits.memory;
  assert.equal(sizes('65536K'), 64 * 1024 ** 2);
  assert.equal(sizes('64M'), 64 * 1024 ** 2);
  assert.equal(sizes('"1G"'), 1024 ** 3);
  assert.equal(sizes('1T'), 1024 ** 4);
  assert.equal(sizes('67108864'), 64 * 1024 ** 2);
});

test('a path starts from the home, from the folder of the file, or from the root', () => {
  const path = (raw: string): unknown => agentOf(`workspace: ${raw}\nshared: true`).workspace;
  assert.deepEqual(path('~/a/b/'), { kind: 'shared', path: '/home/you/a/b' });
  assert.deepEqual(path('./a'), { kind: 'shared', path: '/home/you/a' });
  assert.deepEqual(path('a/./b'), { kind: 'shared', path: '/home/you/a/b' });
  assert.deepEqual(path('/srv//a'), { kind: 'shared', path: '/srv/a' });
  assert.deepEqual(path('"/srv/a b"'), { kind: 'shared', path: '/srv/a b' });
});

test('without operators in the file, whoever asks is the operator; root needs no entry', () => {
  assert.deepEqual(parsed('fleet: x\nagents: { a: {} }').operators, [{ name: 'owner', user: 'you' }]);
});

test('a host has one spelling, and an address as host is pinned to itself', () => {
  const rules = (entries: string): unknown => agentOf(`egress: [${entries}]`).egress;
  assert.deepEqual(rules('GitHub.COM'), [{ host: 'github.com', port: 443 }]);
  assert.deepEqual(rules('bücher.example'), [{ host: 'xn--bcher-kva.example', port: 443 }]);
  assert.deepEqual(rules('"*.bücher.example:8443"'), [{ host: '*.xn--bcher-kva.example', port: 8443 }]);
  assert.deepEqual(rules('192.0.2.7'), [{ host: '192.0.2.7', port: 443, address: '192.0.2.7' }]);
  assert.deepEqual(rules('"10.0.0.5:80"'), [{ host: '10.0.0.5', port: 80, address: '10.0.0.5' }]);
  assert.deepEqual(rules('"[2001:DB8:0::7]:80"'), [{ host: '2001:db8::7', port: 80, address: '2001:db8::7' }]);
  assert.deepEqual(rules('{ host: "2001:db8::7" }'), [{ host: '2001:db8::7', port: 443, address: '2001:db8::7' }]);
  assert.deepEqual(rules('{ host: ollama, port: 1, address: "::FFFF:127.0.0.1" }'), [
    { host: 'ollama', port: 1, address: '127.0.0.1' },
  ]);
});

test('Windows line ends and comments are fine', () => {
  assert.equal(parsed('# mine\r\nfleet: x\r\nagents:\r\n  a: {} # b\r\n').fleet, 'x');
});

test('operators that are no mapping of names are refused with the right form', () => {
  for (const [given, shown] of [
    ['you', '2:12: "you" in operators'],
    ['[you]', '2:12: ["you"] in operators'],
    ['{ me: you }', '2:18: "you" in operators.me'],
  ])
    assert.equal(
      refused(`fleet: x\noperators: ${given}\nagents: { a: {} }\n`),
      `fleet.yaml:${shown} is no operator\nName each, with a login: operators: { me: { user: LOGIN } }.`,
    );
});
