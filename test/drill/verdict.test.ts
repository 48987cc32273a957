import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AccessTest, Attack } from '../../src/drill/attack.ts';
import { junit } from '../../src/drill/junit.ts';
import {
  controlFails,
  judgeAccess,
  judgeAttack,
  notFor,
  type Observation,
  type Outcome,
  passed,
  said,
  unrecorded,
  whatBothSaw,
} from '../../src/drill/verdict.ts';
import { common, renderDrill } from '../../src/programs/cli/render/drill.ts';
import { facts } from './compartment.ts';

const attack: Attack = {
  id: 'a01-direct-tcp',
  line: 1,
  tries: 'tries something',
  control: 'a wall',
  wall: 'network',
  tiers: ['sandbox'],
  program: 'refused("no")',
  positive: 'open-net',
  watch: ['far'],
  evidence: [{ event: ['egress.denied'], mentions: 'deny_ip' }],
};
const recorded = { event: 'egress.denied', agent: 'coder', host: '203.0.113.1' };

function seen(stdout: string, more: Partial<Observation> = {}): Observation {
  const nothing = { before: { far: 3 }, after: { far: 3 }, entries: [recorded], args: { deny_ip: '203.0.113.1' } };
  return { outcome: { stdout, timedOut: false }, ...nothing, ...more };
}

test('held: refused, no counter moved, and the record has it', () => {
  assert.equal(judgeAttack(attack, 'coder', seen('refused no route\n')).result, 'held');
});

test('what the text admits is a breach, whatever the counters say', () => {
  assert.equal(judgeAttack(attack, 'coder', seen('done it answered\n')).result, 'breached');
});

test('a counter that moved is a breach, whatever the text says', () => {
  for (const stdout of ['refused no\n', 'error time-out\n', '', 'refused no\n'])
    assert.equal(judgeAttack(attack, 'coder', seen(stdout, { after: { far: 4 } })).result, 'breached');
});

test('a time-out, silence or nonsense is an error, never held', () => {
  assert.equal(judgeAttack(attack, 'coder', seen('error time-out\n')).result, 'error');
  assert.equal(judgeAttack(attack, 'coder', seen('held\nnothing refused here\n')).result, 'error');
  assert.equal(judgeAttack(attack, 'coder', seen('', { outcome: { stdout: '', timedOut: true } })).result, 'error');
});

test('refused without a record of it is an error that says what is missing', () => {
  for (const entries of [[], [{ ...recorded, host: '203.0.113.9' }], [{ ...recorded, event: 'egress.allowed' }]]) {
    const { result, why } = judgeAttack(attack, 'coder', seen('refused no\n', { entries }));
    assert.equal(result, 'error');
    assert.match(why ?? '', /record does not have egress\.denied with 203\.0\.113\.1/);
  }
});

test('evidence whose argument has no value is missing, not fulfilled', () => {
  assert.match(unrecorded(attack.evidence, { entries: [recorded], args: {} }) ?? '', /a value for deny_ip/);
});

test('a text that says two things, or is ended by somebody else, is believed in nothing', () => {
  const both = said({ stdout: 'refused no\ndone after all\n', timedOut: false });
  assert.deepEqual(both, { word: 'error', text: 'it said more than one thing: refused,done' });
  const killed = said({ stdout: 'refused no\n', timedOut: false, status: 137 });
  assert.deepEqual(killed, { word: 'error', text: 'it was ended before its time (status 137): no' });
});

test('a control that does not succeed, or that no counter sees, proves nothing', () => {
  const moved = { before: { far: 1 }, after: { far: 2 } };
  const still = { before: { far: 1 }, after: { far: 1 } };
  assert.equal(controlFails(attack, { outcome: { stdout: 'done x\n', timedOut: false }, ...moved }), undefined);
  assert.match(
    controlFails(attack, { outcome: { stdout: 'done x\n', timedOut: false }, ...still }) ?? '',
    /no counter/,
  );
  assert.match(
    controlFails(attack, { outcome: { stdout: 'refused x\n', timedOut: false }, ...moved }) ?? '',
    /does not work/,
  );
});

test('an attack of another tier, or one the agent makes pointless, is not applicable with its reason', () => {
  assert.match(notFor({ ...attack, tiers: ['user'] }, facts('coder', [])) ?? '', /tier sandbox/);
  assert.equal(notFor({ ...attack, applies: () => 'it has no neighbour' }, facts('coder', [])), 'it has no neighbour');
  assert.equal(notFor(attack, facts('coder', [])), undefined);
});

test('access: only done, with what arrived and its record, is ok', () => {
  const one: AccessTest = {
    id: 'access-x',
    tries: 'x',
    tiers: ['sandbox'],
    program: '',
    watch: ['far'],
    evidence: attack.evidence ?? [],
  };
  assert.equal(judgeAccess(one, 'coder', seen('done x\n', { after: { far: 4 } })).result, 'ok');
  assert.equal(judgeAccess(one, 'coder', seen('done x\n')).result, 'error');
  assert.equal(judgeAccess(one, 'coder', seen('done x\n', { after: { far: 4 }, entries: [] })).result, 'error');
  assert.equal(judgeAccess(one, 'coder', seen('refused x\n')).result, 'cut-off');
  assert.equal(judgeAccess(one, 'coder', seen('')).result, 'error');
});

test('a drill passes only when something held, all held, and all access stands', () => {
  const held = judgeAttack(attack, 'coder', seen('refused no\n'));
  const open = { id: 'access-x', agent: 'coder', tries: 'x', result: 'ok' } as const;
  const cut = { ...open, result: 'cut-off' } as const;
  assert.equal(passed({ attacks: [held], access: [open] }), true);
  assert.equal(passed({ attacks: [held, { ...held, result: 'not-applicable' }], access: [open] }), true);
  assert.equal(passed({ attacks: [{ ...held, result: 'not-applicable' }], access: [open] }), false);
  assert.equal(passed({ attacks: [held, { ...held, result: 'error' }], access: [open] }), false);
  assert.equal(passed({ attacks: [held], access: [cut] }), false);
});

test('JUnit counts breaches as failures and escapes what an agent said', () => {
  const text = junit({
    attacks: [judgeAttack(attack, 'coder', seen('done "<x>&\u001b[31m"\n'))],
    access: [{ id: 'access-x', agent: 'coder', tries: 'x', result: 'error', why: 'y' }],
  });
  assert.match(text, /<testsuite name="attacks" tests="1" failures="1" errors="0" skipped="0">/);
  assert.match(text, /message="&#34;&#60;x&#62;&#38;\?\[31m&#34;"/);
  assert.match(text, /<testsuite name="access" tests="1" failures="0" errors="1" skipped="0">/);
});

test('the table has a row a line, every bad result in full, and the sum', () => {
  const held = judgeAttack(attack, 'coder', seen('refused no\n'));
  const attacks = [
    held,
    { ...held, id: 'a01-direct-odd' },
    { ...held, id: 'a02-unset', line: 2, result: 'breached' as const, why: 'it answered' },
  ];
  const screen = { width: 100, now: 0, style: (_: unknown, text: string) => text, write: () => {} };
  const text = renderDrill({ attacks, access: [] }, screen, 3);
  assert.match(text, /a01-direct\s+2 held\s+a wall/);
  assert.match(text, /breached\s+a02-unset\s+it answered/);
  assert.match(text, /coder: 2 held, 1 breached/);
  assert.equal(common(['a09-x-y', 'a09-x-z']), 'a09-x');
});

test('a drill over two tiers shows attack by attack what one holds and the other does not, and why', () => {
  const held = judgeAttack(attack, 'boxed', seen('refused no\n'));
  const unheld = { result: 'not-applicable' as const, why: 'tier user does not hold it: everybody may read there' };
  const attacks = [
    { ...held, tier: 'sandbox' as const },
    { ...held, agent: 'plain', tier: 'user' as const },
    { ...held, id: 'c42-open', line: 42, tier: 'sandbox' as const },
    { ...held, id: 'c42-open', line: 42, agent: 'plain', tier: 'user' as const, ...unheld },
    {
      ...held,
      id: 'b35-later',
      line: 35,
      agent: 'plain',
      tier: 'user' as const,
      result: 'not-applicable' as const,
      why: 'later',
    },
  ];
  const screen = { width: 100, now: 0, style: (_: unknown, text: string) => text, write: () => {} };
  const text = renderDrill({ attacks, access: [] }, screen, 3);
  assert.match(text, /ATTACK +USER +SANDBOX +WHY\nc42-open +not held +held +everybody may read there\n\n/);
  assert.match(text, /plain {2}tier user\n/);
  assert.match(text, /Not held:\nc42-open +everybody may read there\n\nNot tried:\nb35-later +later\n/);
  assert.match(text, /plain: 1 held, 0 breached, 1 not held, 1 not applicable/);
  assert.doesNotMatch(renderDrill({ attacks: attacks.slice(0, 1), access: [] }, screen, 3), /tiers differ|WHY/);
});

test('an attack that needs somebody to meet is refused only if they were there and met nobody', () => {
  const says = (stdout: string): Outcome => ({ stdout, timedOut: false });
  const word = (own: string, other: string): string => said(whatBothSaw(says(own), says(other))).word;
  assert.equal(word('refused no\n', 'refused nobody came\n'), 'refused');
  assert.equal(word('refused no\n', 'error listen: Address already in use\n'), 'error', 'there was nothing to find');
  assert.equal(word('refused no\n', ''), 'error');
  assert.equal(word('refused no\n', 'done somebody came\n'), 'done', 'whatever the attack says of itself');
  assert.equal(word('done it answered\n', 'error x\n'), 'done');
  assert.equal(word('error x\n', 'refused nobody came\n'), 'error');
});
