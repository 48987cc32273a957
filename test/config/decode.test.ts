import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { canonicalJson } from '../../src/model/canonical.ts';
import { decodeWantedFleet } from '../../src/model/decode.ts';
import { Failure } from '../../src/model/failure.ts';
import type { WantedFleet } from '../../src/model/fleet.ts';
import { isHostPattern } from '../../src/model/hosts.ts';
import { canonicalHost, hostText } from '../../src/protocol/host.ts';
import { parsed } from './reading.ts';

const SEED = 20260102;

const FULL = parsed(`
fleet: studio
operators: { owner: { user: you }, other: { user: other.one } }
knowledge: { handbook: ./h, tasks: /srv/TASKS.md }
agents:
  clerk:
    role: Sorts
    command: [sh, -c, "echo\\n"]
    workspace: ~/w
    shared: true
    env: { A: b, constructor: c }
    exec: { allow: [jq, /opt/x], deny: [curl], own: allow }
    egress: [a.example, "*.b.example:80", { host: c.internal, port: 1, address: ::1 }, 192.0.2.1]
    ports: [1, 65535]
    health: { port: 80 }
    knowledge: [handbook, tasks]
  idle: {}
`);

const SHARED = FULL.agents.flatMap(({ workspace }) => (workspace.kind === 'shared' ? [workspace.path] : []))[0] ?? '';

type Loose = Record<string, unknown>;

function json(): Loose {
  return JSON.parse(canonicalJson(FULL));
}

/** The fleet with one value changed: `undefined` takes it out. */
function changed(path: string, value: unknown): Loose {
  const fleet = json();
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  const at = steps.reduce((at, step) => at[step] as Loose, fleet);
  if (value === undefined) delete at[last];
  else Object.defineProperty(at, last, { value, enumerable: true, configurable: true, writable: true });
  return fleet;
}

function refuses(path: string, ...values: unknown[]): void {
  for (const value of values)
    assert.throws(
      () => decodeWantedFleet(changed(path, value)),
      Failure,
      `${path} = ${String(JSON.stringify(value)).slice(0, 200)}`,
    );
}

test('what the reader understood arrives at the warden unchanged', () => {
  assert.deepEqual(decodeWantedFleet(json()), FULL);
  assert.equal(canonicalJson(decodeWantedFleet(json())), canonicalJson(FULL));
});

test('every key is needed, unless the types say otherwise, and no other is taken', () => {
  const optional = new Set([
    'agents.0.role',
    'agents.0.command',
    'agents.0.health',
    'agents.0.egress.2.address',
    'agents.0.egress.3.address',
  ]);
  let keys = 0;
  const visit = (value: unknown, path: string[]): void => {
    if (typeof value !== 'object' || value === null) return;
    if (!Array.isArray(value) && path.at(-1) !== 'env') {
      refuses([...path, 'more'].join('.'), 1, null);
      refuses([...path, '__proto__'].join('.'), { more: 1 });
    }
    for (const [key, inner] of Object.entries(value)) {
      const at = [...path, key].join('.');
      keys++;
      if (!Array.isArray(value)) {
        if (optional.has(at)) assert.ok(decodeWantedFleet(changed(at, undefined)), at);
        else if (path.at(-1) !== 'env') refuses(at, undefined);
      }
      refuses(at, null, Number.NaN, [[]], { a: { b: 1 } }, -1, 1.5, '\0', '\ud800', true);
      visit(inner, [...path, key]);
    }
  };
  visit(FULL, []);
  assert.ok(keys > 70, String(keys));
});

test('a refusal says which value, and what of it', () => {
  const said = (path: string, value: unknown): string => {
    try {
      decodeWantedFleet(changed(path, value));
    } catch (error) {
      return (error as Failure).message;
    }
    return 'nothing';
  };
  assert.match(said('agents.1.limits', undefined), /agents\[1\] has no limits$/);
  assert.match(said('agents.0.exec.more', 1), /agents\[0\]\.exec has the unknown key "more"$/);
  assert.match(said('agents.0.ports.0', 0), /agents\[0\]\.ports\[0\] is not a whole number from 1 to 65535$/);
});

test('values out of range or in another spelling are refused', () => {
  refuses('format', 2, '1', 0);
  refuses('fleet', '', 'A', 'a--b', 'a/b', '..', 'a'.repeat(41));
  refuses('source', '', 'fleet.yaml', '/a/../b', '/a/', '/a//b', '/a/./b', '/a\nb', `/${'a'.repeat(2000)}`);
  refuses('operators.0.user', '', 'a b', '-a', 'a:b', 'a'.repeat(33));
  refuses('operators.1.name', 'owner');
  refuses('agents.1.name', 'clerk');
  refuses('agents', {}, Array(257).fill(json().agents));
  refuses('agents.0.tier', 'host', '');
  refuses('agents.0.role', '', 'a\nb', 'a'.repeat(201));
  refuses('agents.0.command', [], [''], 'sh', [1], ['a'.repeat(40_000)]);
  refuses(
    'agents.0.workspace',
    { kind: 'shared' },
    { kind: 'own', path: '/a' },
    { kind: 'other' },
    { kind: 'shared', path: 'a' },
  );
  refuses('agents.0.env', { '1A': 'x' }, { 'A=B': 'x' }, { '': 'x' }, { LD_PRELOAD: 'x' }, { PATH: 'x' }, { A: 1 }, []);
  refuses('agents.0.exec.sets.0', 'all', 'constructor');
  refuses('agents.0.exec.allow.0', '', '.', '..', 'a/b', './a', 'a b', '/', '/a/..', '/a\n');
  refuses('agents.0.exec.own', 'always');
  refuses('agents.0.exec.ask', 'always');
  refuses('agents.0.limits.memory', 0, 1024, 2 ** 53, '2G');
  refuses('agents.0.limits.processes', 0, 7, 1e9);
  refuses('agents.0.limits.cpu', 0, '100%', 1e9);
  refuses('agents.0.limits.disk', 0, 1024, 2 ** 60);
  refuses(
    'agents.0.egress.0.host',
    '',
    '*',
    'A.example',
    'a.example.',
    '*.',
    '*.*.a',
    '127.1',
    '0x7f.1',
    '010.0.0.1',
    '[::1]',
    '::ffff:1.2.3.4',
    '::ffff:102:304',
    'fe80::1%lo',
    '2001:DB8::1',
    '2001:db8:0::1',
    'a..b',
    'a b',
    'ä.example',
  );
  refuses('agents.0.egress.0.port', 0, 65536, '443');
  refuses('agents.0.egress.0.protocol', 'ntp', 'udp', '');
  refuses('agents.0.egress.2.address', '', 'localhost', '127.1', '[::1]', '::ffff:1.2.3.4');
  refuses('agents.0.egress.0', { host: '192.0.2.1', port: 443 }); // the same as the fourth
  refuses('agents.0.ports.0', 0, 65536, '80', 65535);
  refuses('agents.0.health.path', '', 'x', '/a b', '/\n');
  refuses('agents.0.knowledge.1.name', 'handbook', '../x');
  refuses('agents.0.knowledge.0.path', '', 'x', '/a/../b', `${SHARED}/docs`);
});

test('nothing that JSON can hold makes it do anything but answer or refuse', () => {
  const answers = (raw: unknown): void => {
    let fleet: WantedFleet;
    try {
      fleet = decodeWantedFleet(raw);
    } catch (error) {
      assert.ok(error instanceof Failure, String(error));
      assert.ok(!/[\n\r]/.test(error.message), error.message);
      return;
    }
    assert.deepEqual(decodeWantedFleet(JSON.parse(canonicalJson(fleet))), fleet);
  };
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 6 }), answers), { seed: SEED, numRuns: 500 });
  const places: string[] = [];
  const visit = (value: unknown, path: string[]): void => {
    if (path.length > 0) places.push(path.join('.'));
    if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value)) visit(inner, [...path, key]);
  };
  visit(FULL, []);
  const anything = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.string(),
    fc.integer(),
    fc.constantFrom(...Object.values(json())),
  );
  fc.assert(
    fc.property(fc.constantFrom(...places), anything, (path, value) => answers(changed(path, value))),
    { seed: SEED, numRuns: 2000 },
  );
});

test('the model and the gateway agree on what a host in its one spelling is', () => {
  const piece = fc.constantFrom(
    'a',
    'xn--',
    '-',
    '.',
    '_',
    '1',
    '0',
    '255',
    '256',
    '0x7f',
    ':',
    '::',
    'ffff',
    '1.2.3.4',
    'A',
    '[',
    ']',
    'f'.repeat(63),
    '%',
  );
  const text = fc.oneof(
    fc.array(piece, { maxLength: 9 }).map((pieces) => pieces.join('')),
    fc.ipV6(),
    fc.ipV4(),
    fc.domain(),
  );
  fc.assert(
    fc.property(text, (text) => {
      assert.equal(isHostPattern(text), text !== '' && hostText(canonicalHost(text)) === text, text);
      const host = canonicalHost(text);
      assert.equal(isHostPattern(`*.${text}`), host.kind === 'name' && host.name === text, text);
    }),
    { seed: SEED, numRuns: 5000 },
  );
});
