import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { Failure } from '../../src/model/failure.ts';
import { adopt } from '../../src/programs/cli/adopt.ts';
import { withEntry } from '../../src/programs/cli/config/edit.ts';
import { parsed } from './reading.ts';

const added = (text: string, key: readonly string[], entry: string, before: readonly string[] = []): string => {
  const next = withEntry(text, 'a', key, entry, before);
  assert.ok(next !== undefined, text);
  return next;
};

test('a line is added and every other character stays', () => {
  const text =
    '# mine\nfleet: x   # the name\nagents:\n    a:          # odd indent\n        egress: [ "a.test",b.test ]  # two\n        role: r\n';
  assert.equal(added(text, ['egress'], 'c.test'), text.replace('b.test ]', 'b.test, c.test ]'));
  const block =
    'fleet: x\nagents:\n  a:\n    egress:\n    - a.test  # first\n    - host: b.test\n      port: 80\n    # end\n    role: r\n';
  assert.equal(
    added(block, ['egress'], '{ host: c.test, port: 81 }'),
    block.replace('    # end\n', '    # end\n    - { host: c.test, port: 81 }\n'),
  );
  assert.equal(
    added('fleet: x\nagents: { a: {} }\n', ['egress'], 'c.test'),
    'fleet: x\nagents: { a: { egress: [c.test] } }\n',
  );
  assert.equal(
    added('fleet: x\nagents:\n  a:\n    role: r # it\n  b: {}\n', ['exec', 'allow'], 'jq', ['wc']),
    'fleet: x\nagents:\n  a:\n    exec: { allow: [wc, jq] }\n    role: r # it\n  b: {}\n',
  );
  assert.equal(
    added('fleet: x\nagents:\n  a:\n    exec:\n      sets: [base]\n', ['exec', 'allow'], 'jq'),
    'fleet: x\nagents:\n  a:\n    exec:\n      allow: [jq]\n      sets: [base]\n',
  );
});

test('what results is a fleet file that means the same and one entry more', () => {
  for (const agent of [
    '{}',
    '{ role: r }',
    '\n    role: r',
    '\n    egress: [a.test]',
    '\n    egress:\n      - a.test',
    '\n    # note\n    role: r',
  ])
    for (const head of ['fleet: x\n', '# top\nfleet: x\ndefaults: { exec: { allow: [wc] } }\n']) {
      const text = `${head}agents:\n  a: ${agent}\n  z: {}\n`;
      const was = parsed(text).agents[0];
      const egress = parsed(added(text, ['egress'], 'new.test')).agents[0];
      assert.deepEqual(egress, { ...was, egress: [...(was?.egress ?? []), { host: 'new.test', port: 443 }] }, text);
      const exec = parsed(added(text, ['exec', 'allow'], 'jq', was?.exec.allow)).agents[0];
      assert.deepEqual(exec?.exec.allow, [...(was?.exec.allow ?? []), 'jq'], text);
    }
});

test('a file in another form is not touched, and the operator is told the line', () => {
  assert.equal(withEntry('fleet: x\nagents: [\n', 'a', ['egress'], 'b.test', []), undefined);
  assert.equal(withEntry('fleet: x\nagents:\n  b: {}\n', 'a', ['egress'], 'b.test', []), undefined);
  const dir = mkdtempSync(join(tmpdir(), 'bh-edit-'));
  const file = join(dir, 'fleet.yaml');
  const suggestion = {
    id: 1,
    agent: 'a',
    key: ['egress'],
    entry: 'b.test',
    line: 'agents.a.egress: [b.test]',
    approved: 1,
    uses: 1,
  };
  try {
    const text = 'fleet: x\nagents:\n  a:\n    role: r # stays\n';
    writeFileSync(file, text, { mode: 0o640 });
    const anothers = join(dir, 'anothers');
    symlinkSync(anothers, `${file}.next`); // whoever may write in the folder could put it there
    adopt(file, suggestion);
    assert.deepEqual([existsSync(anothers), statSync(file).mode & 0o777], [false, 0o640]);
    rmSync(`${file}.next`);
    const after = readFileSync(file, 'utf8');
    assert.equal(after, 'fleet: x\nagents:\n  a:\n    egress: [b.test]\n    role: r # stays\n');
    assert.throws(
      () => adopt(file, suggestion),
      (error) => error instanceof Failure,
      'twice',
    );
    assert.equal(readFileSync(file, 'utf8'), after);
    assert.throws(
      () => adopt(file, { ...suggestion, agent: 'gone' }),
      (error) => error instanceof Failure && /by hand: agents\.a\.egress/.test(error.hint),
    );
    assert.deepEqual(readdirSync(dir), ['fleet.yaml']);
    const link = join(dir, 'link.yaml'); // such as one into the folder where the operator keeps it under version control
    symlinkSync('fleet.yaml', link);
    assert.throws(
      () => adopt(link, { ...suggestion, entry: 'c.test' }),
      (error) => error instanceof Failure && /symbolic link/.test(error.message),
    );
    assert.deepEqual([lstatSync(link).isSymbolicLink(), readFileSync(file, 'utf8')], [true, after]);
  } finally {
    for (const name of readdirSync(dir)) rmSync(join(dir, name));
    rmdirSync(dir);
  }
});
