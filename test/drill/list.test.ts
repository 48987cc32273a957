import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ARGUMENTS, argumentsOf } from '../../src/drill/arguments.ts';
import { ACCESS, FAMILIES, LINES } from '../../src/drill/list.ts';

const attacks = FAMILIES.flatMap((family) => family.attacks);
const left = FAMILIES.flatMap((family) => family.notApplicable);

test('every line of the list of attacks is attacked, or not applicable with a reason, and never both', () => {
  const attacked = new Set(attacks.map(({ line }) => line));
  const notYet = left.map(({ line }) => line);
  assert.equal(new Set(notYet).size, notYet.length, 'a line is not applicable twice');
  for (let line = 1; line <= LINES; line++) {
    const times = Number(attacked.has(line)) + Number(notYet.includes(line));
    assert.equal(times, 1, `line ${line} is ${times === 0 ? 'in no family' : 'attacked and also not applicable'}`);
  }
  for (const { line } of [...attacks, ...left]) assert.ok(line >= 1 && line <= LINES, `there is no line ${line}`);
});

test('every id is used once, names its line, and every reason and control is said', () => {
  const ids = [...attacks, ...left, ...ACCESS].map(({ id }) => id);
  assert.deepEqual(
    ids.filter((id, at) => ids.indexOf(id) !== at),
    [],
  );
  for (const { id, line } of [...attacks, ...left])
    assert.match(id, new RegExp(`^[a-f]${String(line).padStart(2, '0')}-[a-z0-9]+(?:-[a-z0-9]+)*$`));
  for (const { id, control, tries, tiers } of attacks)
    assert.ok(control.length > 10 && tries.length > 10 && tiers.length > 0, id);
  for (const { id, why } of left) assert.ok(why.length > 10, id);
});

test('what waits beside others cannot be taken for them: no counter, no record, no limit', () => {
  const waiting = attacks.filter(({ waits }) => waits);
  assert.ok(waiting.length > 0);
  for (const { id, watch = [], evidence = [], wall } of waiting) {
    assert.deepEqual([watch, evidence], [[], []], id);
    assert.notEqual(wall, 'limits', id);
  }
});

test('a text loads nothing: no use, no require, no method on a file handle', () => {
  for (const { id, program } of [...attacks, ...ACCESS]) {
    assert.doesNotMatch(program, /^\s*(?:use|require)\s+[A-Z]/m, id);
    assert.doesNotMatch(program, /\$\w+->(?:autoflush|close|print|blocking)\b/, id);
    assert.match(program, /\bdone\(/, `${id} can never succeed`);
    assert.match(program, /\brefused\(/, `${id} can never be refused`);
  }
});

test('a text reads only arguments that somebody provides', () => {
  // The network's own are given by the arena; network.test.ts runs every text with them.
  const network =
    /^(?:token|allow_token|deny_\w+|clock_\w+|dns_ip|lan_ip|house_ip|metadata_\w+|allow_\w+|wild_\w+|secure_host|rules_\w+|keyed_\w+|key_\w+|other_stand|private_port6?|private_udp_port|door_port|other_\w+|proxy_host|resolver_socket|knowledge)$/;
  for (const { id, program } of [...attacks, ...ACCESS])
    for (const name of argumentsOf(program)) assert.ok(name in ARGUMENTS || network.test(name), `${id} reads ${name}`);
});
