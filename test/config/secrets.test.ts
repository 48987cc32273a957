import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeWantedFleet } from '../../src/model/decode.ts';
import { parsed, refused } from './reading.ts';

const fleet = (lines: string): string => `fleet: x\nagents:\n  a:\n    ${lines.replaceAll('\n', '\n    ')}\n`;
const bindings = (lines: string) => parsed(fleet(lines)).agents[0]?.secrets;

test('a known variable needs the name of its secret and nothing else', () => {
  assert.deepEqual(bindings('egress: [api.anthropic.com]\nsecrets: { ANTHROPIC_API_KEY: mine }'), [
    {
      variable: 'ANTHROPIC_API_KEY',
      secret: 'mine',
      host: 'api.anthropic.com',
      port: 443,
      in: ['header x-api-key', 'bearer'],
    },
  ]);
  const github = bindings('egress: [github.com, api.github.com]\nsecrets: { GITHUB_TOKEN: mine }');
  assert.deepEqual(
    github?.map(({ host, in: places }) => [host, places]),
    [
      ['api.github.com', ['bearer']],
      ['github.com', ['basic']],
    ],
  );
});

test('any other says where it goes, and may say how', () => {
  const lines =
    'egress: ["api.example:8443"]\nsecrets:\n  KEY: { secret: mine, to: "API.example:8443", in: ["Header X-Key", basic], methods: [POST], path: /v1/** }';
  assert.deepEqual(bindings(lines), [
    {
      variable: 'KEY',
      secret: 'mine',
      host: 'api.example',
      port: 8443,
      in: ['header x-key', 'basic'],
      methods: ['POST'],
      paths: ['/v1/**'],
    },
  ]);
  assert.deepEqual(
    bindings('egress: ["*.example.test"]\nsecrets: { KEY: { secret: mine, to: api.example.test } }')?.[0]?.in,
    ['bearer'],
  );
});

test('what is bound comes through the warden’s door as it was', () => {
  const wanted = parsed(
    `roots: [./ca.pem]\n${fleet('egress: [a.example]\nsecrets: { KEY: { secret: m, to: a.example, path: [/x, /y] } }')}`,
  );
  assert.deepEqual(decodeWantedFleet(JSON.parse(JSON.stringify(wanted))), wanted);
  const kept = parsed(fleet(rotating('every: 2d, command: [x], test: "GET https://b.example/"')));
  assert.deepEqual(decodeWantedFleet(JSON.parse(JSON.stringify(kept))), kept);
  assert.match(wanted.roots?.[0] ?? '', /^\/.*\/ca\.pem$/);
});

const rotating = (rotate: string): string =>
  `egress: [b.example]\nsecrets: { KEY: { secret: m, to: b.example, rotate: { ${rotate} } } }`;
const upkeep = (lines: string) => parsed(fleet(lines)).agents[0]?.upkeep;

test('a secret may say how old it gets, what mints a new one, and what shows that it works', () => {
  assert.deepEqual(
    upkeep(
      rotating('every: 90d, command: [mint, 7], test: "HEAD https://B.example/v1/me?full=1"').replace(
        'm, to',
        'm, shared: true, to',
      ),
    ),
    [
      {
        secret: 'm',
        shared: true,
        every: 90 * 86_400_000,
        command: ['mint', '7'],
        test: { scheme: 'https', method: 'HEAD', host: 'b.example', port: 443, path: '/v1/me?full=1', in: 'bearer' },
      },
    ],
  );
  assert.deepEqual(upkeep('egress: [b.example]\nsecrets: { KEY: { secret: m, to: b.example, rotate: 30d } }'), [
    { secret: 'm', every: 30 * 86_400_000 },
  ]);
  const local =
    'egress: [{ host: b.example, port: 80, address: 127.0.0.1 }]\nsecrets: { KEY: { secret: m, to: "b.example:80", in: header x-key, rotate: { test: GET http://b.example } } }';
  assert.deepEqual(upkeep(local)?.[0]?.test, {
    ...{ scheme: 'http', method: 'GET', host: 'b.example', port: 80, path: '/', in: 'header x-key' },
  });
  assert.equal(upkeep('egress: [b.example]\nsecrets: { KEY: { secret: m, to: b.example } }'), undefined);
});

test('two agents may not say two things of one secret; one may say it for both', () => {
  const two = (first: string, second: string): string =>
    ['a', 'b']
      .map(
        (name, i) =>
          `  ${name}:\n    egress: [b.example]\n    secrets: { KEY: { secret: m, to: b.example${i ? second : first} } }\n`,
      )
      .join('');
  const head = 'fleet: x\nagents:\n';
  assert.match(refused(head + two(', rotate: 30d', ', rotate: 90d')), /of the secret m elsewhere, in agents\.b/);
  for (const second of ['', ', rotate: 30d', ', shared: true'])
    assert.equal(parsed(head + two(', rotate: 30d', second)).agents.length, 2);
});

test('what would not be where it seems is refused in two lines, at its place', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    [
      'secrets: { KEY: mine }',
      /^fleet\.yaml:4:16: it is not known where KEY goes.*\nSay it: KEY: \{ secret: mine, to: HOST \}/,
    ],
    [
      'secrets: { ANTHROPIC_API_KEY: mine }',
      /goes to api\.anthropic\.com:443, which egress does not grant.*\nAdd the preset of that service to agents\.a\.egress: anthropic$/,
    ],
    [
      'egress: [b.example]\nsecrets: { KEY: { secret: m, to: "b.example:80" } }',
      /b\.example:80, which egress does not grant.*\nAdd it to agents\.a\.egress: .*; or say what is granted: to: "b\.example:443"$/,
    ],
    [
      'egress: [{ ntp: b.example }]\nsecrets: { KEY: { secret: m, to: "b.example:123" } }',
      /b\.example:123, which egress does not grant/,
    ],
    ['egress: ["*.b.example"]\nsecrets: { KEY: { secret: m, to: "*.b.example" } }', /is not one host/],
    [
      'egress: [b.example]\nsecrets: { KEY: { secret: m, to: b.example, in: body } }',
      /is not a place for a secret.*\nWrite bearer/,
    ],
    ['egress: [b.example]\nsecrets: { KEY: { secret: m, to: b.example, in: header host } }', /is not a place/],
    ['egress: [b.example]\nsecrets: { KEY: { secret: m, to: b.example, path: /a/../b } }', /has a dot part/],
    ['egress: [b.example]\nsecrets: { KEY: { secret: m, to: b.example, path: a } }', /is not a path/],
    ['egress: [b.example]\nsecrets: { KEY: { secret: m, to: b.example, in: path } }', /which paths have the secret/],
    ['egress: [b.example]\nsecrets: { KEY: { secret: m, to: b.example, methods: [post] } }', /is not a method/],
    [
      'egress: [b.example]\nsecrets: { LD_PRELOAD: { secret: m, to: b.example } }',
      /changes how every program is loaded/,
    ],
    ['egress: [b.example]\nenv: { KEY: x }\nsecrets: { KEY: { secret: m, to: b.example } }', /KEY is set by env too/],
    ['egress: [b.example]\nsecrets: { KEY: { secret: M, to: b.example } }', /is not a name/],
    ['egress: [b.example]\nsecrets: { KEY: { secret: m, to: b.example, rotate: often } }', /is not a length of time/],
    [
      'egress: [b.example]\nsecrets: { KEY: { secret: m, to: b.example, rotate: 5m } }',
      /"5m" is too short.*\nWrite at least 1h/,
    ],
    [
      'egress: [b.example]\nsecrets: { KEY: { secret: m, to: b.example, rotate: { ever: 5d } } }',
      /Did you mean "every"/,
    ],
    [rotating('test: https://b.example/me'), /is not a request.*\nWrite the method and the whole address/],
    [rotating('test: "GET https://me@b.example/"'), /is not a request/],
    [rotating('test: "GET https://c.example/me"'), /where it is not bound.*\nTest it where it goes: b\.example:443/],
    [rotating('test: "GET https://b.example:8443/me"'), /where it is not bound/],
    [rotating('test: "GET http://b.example:443/me"'), /would show the secret on the way/],
    [rotating('test: { request: "GET https://b.example/me", in: body }'), /is not a place for a secret/],
    [rotating('command: []'), /is an empty list/],
    [
      'egress: [b.example]\nsecrets:\n  A: { secret: m, to: b.example, rotate: 30d }\n  B: { secret: m, to: b.example, rotate: 90d }',
      /something else is said of the secret m elsewhere/,
    ],
  ];
  for (const [lines, message] of cases) {
    const said = refused(fleet(lines));
    assert.match(said, message, lines);
    assert.equal(said.split('\n').length, 2, said);
  }
});

test('a placeholder may stand in a text, and in a file of the home; a place keeps the case of its names', () => {
  const lines =
    'egress: [b.example]\nsecrets:\n  KEY: { secret: m, to: b.example, in: ["Query apiKey", json auth.apiKey, path bot], as: "https://b.example/{}", file: { path: ~/.config/tool/rc, text: "machine b.example password {}\\n" } }';
  const [binding] = bindings(lines) ?? [];
  assert.deepEqual(binding?.in, ['query apiKey', 'json auth.apiKey', 'path bot']);
  assert.equal(binding?.as, 'https://b.example/{}');
  assert.deepEqual(binding?.file, { path: '.config/tool/rc', text: 'machine b.example password {}\n' });
  const wanted = parsed(fleet(lines));
  assert.deepEqual(decodeWantedFleet(JSON.parse(JSON.stringify(wanted))), wanted);
  for (const [more, said] of [
    ['as: "no hole"', /does not have \{\} in it,/],
    ['as: "{}{}"', /has \{\} in it more than once/],
    ['file: { path: ~/../x, text: "{}" }', /is no file in the agent’s home/],
    ['file: { path: /etc/passwd, text: "{}" }', /is no file in the agent’s home/],
    ['file: { path: ~/.netrc, text: "x" }', /does not have \{\} in it,/],
  ] as const)
    assert.match(
      refused(fleet(`egress: [b.example]\nsecrets: { KEY: { secret: m, to: b.example, ${more} } }`)),
      said,
      more,
    );
});

test('the variables that clients of well-known services read are bound where those are', () => {
  const slack = bindings('egress: [slack-webhooks]\nsecrets: { SLACK_WEBHOOK_URL: hook }')?.[0];
  assert.deepEqual(
    [slack?.host, slack?.in, slack?.as],
    ['hooks.slack.com', ['path'], 'https://hooks.slack.com/services/{}'],
  );
  assert.deepEqual(bindings('egress: [telegram]\nsecrets: { TELEGRAM_TOKEN: bot }')?.[0]?.in, ['path bot']);
  for (const [name, preset] of [
    ['GEMINI_API_KEY', 'gemini'],
    ['NPM_TOKEN', 'npm'],
    ['HF_TOKEN', 'huggingface'],
    ['OPENAI_API_KEY', 'openai'],
    ['GITHUB_TOKEN', 'github'],
  ])
    assert.ok((bindings(`egress: [${preset}]\nsecrets: { ${name}: mine }`)?.length ?? 0) > 0, name);
});
