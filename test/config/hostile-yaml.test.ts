import assert from 'node:assert/strict';
import test from 'node:test';
import { failureOf } from './reading.ts';

/** The largest text that `readFleet` hands on. */
const MOST = 1024 * 1024;

function filledWith(piece: string, before = '', after = ''): string {
  return before + piece.repeat(Math.floor((MOST - before.length - after.length) / piece.length)) + after;
}

test('a megabyte made to be slow, deep or many is refused within a second', () => {
  const cases: Record<string, string> = {
    brackets: filledWith('['),
    'closed brackets': filledWith(']'),
    braces: filledWith('{a: '),
    dashes: filledWith('- '),
    'question marks': filledWith('? '),
    'keys in one line': filledWith('a: '),
    'indented keys': Array.from({ length: 1400 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
    commas: filledWith(',', '['),
    directives: filledWith('%\n'),
    anchors: filledWith('& '),
    aliases: filledWith('* '),
    tags: filledWith('! '),
    comments: filledWith('#\n', 'fleet: x\n'),
    documents: filledWith('---\n'),
    quotes: filledWith("'"),
    'one word': filledWith('a'),
    'one text': filledWith('x', 'fleet: "', '"'),
    'many keys': Array.from({ length: 90_000 }, (_, i) => `k${i}: 1`).join('\n'),
    'one key, many times': filledWith('fleet: x\n'),
    agents: filledWith('a: {}, ', 'fleet: x\nagents: {', '}'),
    ports: filledWith('1,', 'fleet: x\nagents: { a: { ports: [', '] } }'),
    variable: filledWith('ab1', 'fleet: x\nagents: { a: { env: { A: "', '" } } }'),
    'half keys': filledWith('eyJ'),
    'half URLs': filledWith('aa://b:', '# '),
    spaces: filledWith(' '),
    'line ends': filledWith('\n'),
  };
  for (const [name, text] of Object.entries(cases)) {
    let took = Number.POSITIVE_INFINITY;
    // Processor time, not wall time: the machine is shared; and as others share the processor's caches too, the best of three.
    for (let tries = 0; tries < 3 && took >= 1_000_000; tries++) {
      const begun = process.cpuUsage();
      const { code } = failureOf(text);
      const { user, system } = process.cpuUsage(begun);
      took = user + system;
      assert.match(
        code,
        /^(?:file-too-large|too-deep|bad-|duplicate-key|many-documents|no-value|out-of-range|missing)/,
        name,
      );
    }
    assert.ok(took < 1_000_000, `${name} took ${took / 1000} ms`);
  }
});

test('nesting is bounded long before it could matter', () => {
  const nested = (depth: number): string => failureOf(`fleet: ${'['.repeat(depth)}${']'.repeat(depth)}`).code;
  assert.equal(nested(10), 'bad-value');
  assert.equal(nested(100), 'too-deep');
  assert.equal(failureOf(filledWith('- ')).code, 'too-deep');
});

test('an alias bomb is refused at its first anchor', () => {
  const lines = ['a: &a [x, x, x, x, x, x, x, x, x]'];
  for (const c of 'bcdefghi') lines.push(`${c}: &${c} [${`*${String.fromCharCode(c.charCodeAt(0) - 1)}, `.repeat(9)}]`);
  const failure = failureOf(lines.join('\n'));
  assert.equal(failure.code, 'bad-yaml');
  assert.equal(failure.at, 'fleet.yaml:1:7');
});

test('what YAML has beyond plain data is refused', () => {
  for (const [text, code] of [
    ['fleet: !!str x', 'bad-yaml'],
    ['fleet: !x y', 'bad-yaml'],
    ['!!map {fleet: x}', 'bad-yaml'],
    ['!!str fleet: x', 'bad-yaml'],
    ['fleet: &a x', 'bad-yaml'],
    ['&a fleet: x', 'bad-yaml'],
    ['fleet: *a', 'bad-yaml'],
    ['? [fleet]\n: x', 'bad-key'],
    ['1: x', 'bad-key'],
    ['true: x', 'bad-key'],
    ['~: x', 'bad-key'],
    [': x', 'bad-key'],
    ['{fleet: x, fleet: y}', 'duplicate-key'],
    ['fleet: x\n"fleet": y', 'duplicate-key'],
    ['fleet: x\n---\nfleet: y', 'many-documents'],
    ['fleet: x\n...\n---\nfleet: y', 'many-documents'],
    ['%YAML 1.1\n---\nfleet: x', 'missing-key'],
    ['%TAG ! tag:x,2000:\n---\nfleet: !y x', 'bad-yaml'],
    ['%FOO\n---\nfleet: x', 'bad-yaml'],
    ['agents:\n\ta: {}', 'bad-yaml'],
    ['fleet: [x', 'bad-yaml'],
    ['fleet: "x', 'bad-yaml'],
    ['fleet: x: y', 'bad-yaml'],
    ['fleet: @x', 'bad-yaml'],
    ['fleet: `x`', 'bad-yaml'],
    ['fleet: x\n  agents: y', 'bad-yaml'],
    ['- fleet', 'bad-value'],
    ['fleet', 'bad-value'],
  ] as const)
    assert.equal(failureOf(text).code, code, text);
});

test('characters that make a file read otherwise than it parses are refused where they stand', () => {
  for (const [text, at] of [
    ['\ufefffleet: x', '1:1'],
    ['fleet: x # \u202e', '1:12'],
    ['fleet: x\n# \u2066', '2:3'],
    ['fleet: x\u0000', '1:9'],
    ['fleet: \u001b[31mx', '1:8'],
    ['fleet: x\u0085agents: {}', '1:9'],
    ['fleet: x\ragents: {}', '1:9'],
    ['fleet: x\u2028agents: {}', '1:9'],
    ['fleet: "\\u202e"', '1:8'],
    ['fleet: "\\0"', '1:8'],
    ['"\\e": x', '1:1'],
  ] as const) {
    const failure = failureOf(text);
    assert.equal(failure.code, 'invisible-character', JSON.stringify(text));
    assert.equal(failure.at, `fleet.yaml:${at}`, JSON.stringify(text));
  }
});

test('no message carries a control or direction character out of the file', () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const unseen = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;
  for (const text of [
    'fleet: "a\u200bb\u200f"\nagents: { a: {} }',
    '"\u200e": x',
    'fleet: x\nagents: { a: { "\u200b": 1 } }',
    'fleet: x\nagents: { a: { egress: ["\u200ba.example"] } }',
    'fleet: x\nagents: { a: { workspace: "../\u200b" } }',
    'fleet: x\nagents: { a: { exec: { allow: ["\u200b"] } } }',
  ]) {
    const { message, hint } = failureOf(text);
    assert.ok(!unseen.test(message + hint), JSON.stringify(message + hint));
  }
});
