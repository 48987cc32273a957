import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { canonicalJson } from '../../src/model/canonical.ts';
import { decodeWantedFleet } from '../../src/model/decode.ts';
import { Failure } from '../../src/model/failure.ts';
import { fleetShape } from '../../src/programs/cli/config/shape.ts';
import { parsed } from './reading.ts';

const SEED = 20260103;

const VALID = `fleet: studio
operators: { owner: { user: you } }
defaults:
  exec: { sets: [base, git, node], allow: [jq], deny: [ssh], ask: never, own: never }
  limits: { memory: 2G, processes: 256, cpu: 100%, disk: 5G }
knowledge:
  handbook: ./knowledge/handbook
agents:
  chief:
    role: "Chief of Staff"
    command: [node, chief.js]
    knowledge: [handbook]
  herald:
    workspace: ~/herald
    shared: true
    env: { TZ: Europe/Berlin, N: 7 }
    egress: [a.example, "*.b.example:8443", { host: c.internal, port: 11434, address: 127.0.0.1 }]
    ports: [18789]
    health: { port: 18789, path: /health }
`;

/** Either a fleet that the warden would take too, or a Failure of two lines with a place. Anything else is a crash. */
function holds(text: string): 'fleet' | 'failure' {
  try {
    const fleet = parsed(text);
    assert.deepEqual(decodeWantedFleet(JSON.parse(canonicalJson(fleet))), fleet);
    return 'fleet';
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    assert.match(error.at ?? '', /^fleet\.yaml:[1-9][0-9]*:[1-9][0-9]*$/);
    assert.ok(!/\p{Cc}/u.test(error.message + error.hint), JSON.stringify(error.message));
    return 'failure';
  }
}

const PIECES = [
  ...[
    'fleet',
    'agents',
    'egress',
    'exec',
    'sets',
    'env',
    'x',
    'base',
    'never',
    '2G',
    '100%',
    '80',
    '~/a',
    'a.example',
    '~',
    'true',
    '-1',
    '1e999',
    '0x1',
  ],
  ...[
    ': ',
    ':',
    '\n',
    '\n  ',
    '\n    ',
    '- ',
    '[',
    ']',
    '{',
    '}',
    ', ',
    '"',
    "'",
    '|\n',
    '>\n',
    '# ',
    '&a ',
    '*a',
    '!!str ',
    '? ',
    '%',
    '@',
    '\t',
    '---\n',
    '...\n',
    '\\',
    '\r',
    '\0',
    '\ufeff',
    'ä',
    '😀',
    '\ud800',
    '<<',
  ],
];

test('no text, however odd, does more than be refused', () => {
  const soup = fc.array(fc.constantFrom(...PIECES), { maxLength: 60 }).map((pieces) => pieces.join(''));
  const ends = { fleet: 0, failure: 0 };
  fc.assert(
    fc.property(fc.oneof(soup, fc.string({ unit: 'binary', maxLength: 200 })), (text) => void ends[holds(text)]++),
    {
      seed: SEED,
      numRuns: 2000,
    },
  );
});

test('a valid file with bytes cut, doubled or put in is a fleet or a failure with its place', () => {
  assert.equal(holds(VALID), 'fleet');
  const ends = { fleet: 0, failure: 0 };
  const edit = fc.record({
    at: fc.nat(VALID.length),
    cut: fc.nat(12),
    put: fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 4 })),
  });
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
      const text = edits.reduce((text, { at, cut, put }) => text.slice(0, at) + put + text.slice(at + cut), VALID);
      ends[holds(text)]++;
    }),
    { seed: SEED, numRuns: 1500 },
  );
  assert.ok(ends.fleet > 30 && ends.failure > 300, JSON.stringify(ends));
});

test('data of the right shape and any content is a fleet or a failure with its place', () => {
  const words = [
    'fleet',
    'agents',
    'a',
    'exec',
    'sets',
    'allow',
    'egress',
    'host',
    'port',
    'limits',
    'memory',
    'env',
    'knowledge',
    'operators',
    'user',
    'health',
    'path',
    'command',
    'tier',
    'workspace',
    'shared',
    'ports',
    'defaults',
  ];
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      fc.oneof(
        fc.constantFrom(null, true, 0, 1, 80, 1.5, -1, '', 'a', 'base', '2G', 'a.example'),
        fc.string(),
        fc.double(),
      ),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(fc.oneof(fc.constantFrom(...words), fc.string()), tie('tree'), { maxKeys: 5 }),
    ),
  }));
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...words), tree), (data) => {
      holds(JSON.stringify({ fleet: 'x', agents: { a: {} }, ...data }));
      // What zod calls right, the rest of the reader must be able to judge: the shape has no hole of its own.
      fleetShape.safeParse(data);
    }),
    { seed: SEED, numRuns: 1500 },
  );
});
