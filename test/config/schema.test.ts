import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { parse } from 'yaml';
import { fleetSchema } from '../../src/programs/cli/config/schema.ts';
import { agrees, type Schema } from './json-schema.ts';
import { failureOf, parsed, withAgent } from './reading.ts';

const published = readFileSync(new URL('../../schema/fleet.schema.json', import.meta.url), 'utf8');
const schema = JSON.parse(published) as Schema;

test('the published schema is what the reader checks by', () => {
  assert.equal(published, fleetSchema(), 'run: node src/programs/cli/config/schema.ts > schema/fleet.schema.json');
});

test('every key is explained to whoever writes the file in an editor', () => {
  const visit = (at: Schema, path: string): void => {
    for (const [key, inner] of Object.entries(at.properties ?? {})) {
      assert.ok(inner.description ?? inner.anyOf?.some((one) => one.description), `${path}.${key} has no description`);
      visit(inner, `${path}.${key}`);
    }
    for (const inner of [at.items, at.additionalProperties, ...(at.anyOf ?? [])])
      if (typeof inner === 'object') visit(inner, path);
  };
  visit(schema, '');
});

const ACCEPTED = [
  'fleet: home\nagents:\n  coder:\n    workspace: ~/projects/site\n    shared: true\n',
  'fleet: x\nagents: { a: {} }',
  'fleet: x\noperators: { o: { user: y } }\nagents: { a: {}, b: {} }',
  'fleet: x\ndefaults: { tier: sandbox, exec: { sets: [base, node], allow: [jq], deny: [nc], own: allow, ask: never }, limits: { memory: 1G, processes: 64, cpu: 50%, disk: 1G }, env: { A: 1 } }\nagents: { a: { exec: { allow: [] } } }',
  'fleet: x\nknowledge: { k: ./k }\nagents: { a: { knowledge: [k] } }',
  withAgent('command: [sleep, 60, true]\nrole: A role\ntier: sandbox'),
  withAgent('egress: [a.example, "b.example:80", "*.c.example", { host: d, port: 1, address: 10.0.0.1 }]'),
  withAgent('ports: [1, 65535]\nhealth: { port: 80, path: /x }\nenv: { A: true, B: 1.5, C: "" }'),
  withAgent('limits: { memory: 33554432, disk: 100M }'),
];

test('an editor accepts what the reader accepts', () => {
  for (const text of ACCEPTED) {
    assert.ok(parsed(text), text);
    assert.deepEqual(agrees(schema, parse(text)), [], text);
  }
});

test('an editor marks unknown keys, wrong types and what is not supported yet', () => {
  for (const text of [
    'fleet: x',
    'fleet: X\nagents: { a: {} }',
    'fleet: x\nagents: {}',
    'fleet: x\nagents: { A: {} }',
    'fleet: x\nagents: { a: {} }\nfrob: 1',
    'fleet: x\nagents: { a: {} }\nnotify: []',
    ...[
      'frob: 1',
      'harness: codex',
      'tier: vm',
      'exec: { sets: [] }',
      'exec: { frob: 1 }',
      'limits: { memory: 2X }',
    ].map((line) => withAgent(line)),
    ...[
      'egress: []',
      'egress: [{ host: a.b, methods: [] }]',
      'egress: [{ host: a.b, pull: [me/x] }]',
      'egress: ["https://a.b/"]',
      'ports: [0]',
      'ports: ["1"]',
      'env: { 1A: x }',
      'env: { A: [] }',
      'command: x',
      'health: { path: / }',
      'shared: "true"',
    ].map((line) => withAgent(line)),
  ]) {
    assert.ok(failureOf(text), text);
    assert.notDeepEqual(agrees(schema, parse(text)), [], text);
  }
});
