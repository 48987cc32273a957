import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApprovalEntry, GrantEntry } from '../../src/model/documents.ts';
import { bulkhead, standIn } from './stand-in.ts';

const HOUR = 3_600_000;
/** Times are whole lengths away from now, with room for a slow test: rounded down they are the same for a while. */
const asked = (): ApprovalEntry => ({
  ...{
    id: 3,
    kind: 'command',
    agent: 'coder',
    shown: "base64 --wrap=7 'f\\x1b[31m'",
    digest: 'ab'.repeat(32),
    state: 'asked',
  },
  ...{
    askedAt: new Date(Date.now() - 3.5 * HOUR).toISOString(),
    expiresAt: new Date(Date.now() + 5.5 * HOUR).toISOString(),
    attempts: 2,
  },
});
const grant = (): GrantEntry => ({
  ...{ id: 3, kind: 'command', agent: 'coder', shown: 'base64 f', digest: 'ab'.repeat(32), answer: 'approved' },
  ...{ scope: 'for', until: new Date(Date.now() + 5.5 * HOUR).toISOString(), uses: 4, by: 1000, at: asked().askedAt },
});

test('what waits is shown whole, with its digest, how long is left, and how to answer', async () => {
  const one = asked();
  await using there = await standIn({ approvals: () => ({ approvals: [one] }) });
  const { stdout, exit } = await bulkhead(['approvals', '--state', there.state]);
  assert.equal(exit, 0);
  assert.match(
    stdout,
    /^ID +AGENT +KIND +ASKED +UNTIL +WHAT\n3 +coder +command +3 h ago, 2 times +5 h left +base64 --wrap=7 'f\\x1b\[31m' +\(abababababab\)\n/,
  );
  assert.match(stdout, /^Answer: bulkhead approve 3 or bulkhead deny 3, either with --for 1h or --always$/m);
  const { stdout: json } = await bulkhead(['approvals', '--json', '--state', there.state]);
  assert.deepEqual(JSON.parse(json), { approvals: [one] });
  assert.deepEqual(there.asked, Array(2).fill('warden approvals {"all":false,"follow":false}'));
});

test('with --watch each change is a line as it comes, or a document', async () => {
  await using there = await standIn({
    approvals: (_, notify) => {
      setTimeout(() => notify({ question: { ...asked(), state: 'approved' } }), 100);
      return { approvals: [asked()] };
    },
  });
  const { stdout } = await bulkhead(['approvals', '--watch', '--state', there.state], {}, 'approved');
  assert.match(stdout, /3 {2}coder {2}approved {2}command {2}base64/);
  const { stdout: json } = await bulkhead(['approvals', '--watch', '--json', '--state', there.state], {}, '"approved"');
  assert.deepEqual(
    json
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).state),
    ['asked', 'approved'],
  );
});

test('an answer says what it is good for, and how to take it back', async () => {
  await using there = await standIn({
    'question.answer': ({ answer }) => ({ ...asked(), state: answer === 'approve' ? 'approved' : 'refused' }),
  });
  const say = async (...args: readonly string[]): Promise<string> =>
    (await bulkhead([...args, '--state', there.state])).stdout;
  assert.match(await say('approve', '3'), /^3 approved for one attempt, within an hour: coder, command base64/);
  assert.match(await say('approve', '#3', '--for', '8h'), /^3 approved until .*\nTake it back: bulkhead revoke 3\n$/s);
  assert.match(await say('approve', '3', '--always'), /approved always, for exactly this/);
  assert.match(await say('deny', '3'), /refused this once; the next attempt asks again/);
  assert.match(await say('deny', '3', '--for', '90s'), /refused for that time, unasked/);
  assert.deepEqual(
    there.asked.map((line) => JSON.parse(line.replace('warden question.answer ', '')).scope),
    [
      { kind: 'once' },
      { kind: 'for', ms: 28_800_000 },
      { kind: 'always' },
      { kind: 'once' },
      { kind: 'for', ms: 90_000 },
    ],
  );
});

test('grants are listed, and what was revoked is said to be refused only where that was tried', async () => {
  let tested: object = { tested: 'refused' };
  await using there = await standIn({
    grants: () => ({ grants: [grant()] }),
    'grant.revoke': () => ({ id: 3, agent: 'coder', kind: 'destination', shown: 'a.test:443', ended: 1, ...tested }),
  });
  const say = (...args: readonly string[]) => bulkhead([...args, '--state', there.state]);
  assert.match((await say('grants')).stdout, /3 +coder +command +approved +5 h more +4 +uid 1000 +base64 f/);
  const revoked = await say('revoke', '3');
  assert.match(
    revoked.stdout,
    /3 revoked: coder, destination a\.test:443\. One connection that ran under it was ended\.\nTested from inside, as the agent: refused\./,
  );
  assert.equal(revoked.exit, 0);
  tested = { tested: 'unknown', why: 'coder is stopped, so nothing can be tried in it' };
  assert.match((await say('revoke', '3')).stdout, /Not tested: coder is stopped/);
  tested = { tested: 'reached', why: 'the proxy said 200' };
  const reached = await say('revoke', '3');
  assert.match(reached.stdout, /it still got through/);
  assert.equal(reached.exit, 1);
});

test('wrong words are refused in two lines before anybody is asked', async () => {
  await using there = await standIn({
    ...{ 'question.answer': asked, 'grant.revoke': () => ({}), approvals: () => ({ approvals: [] }) },
  });
  for (const args of [
    ['approve'],
    ['approve', '0'],
    ['approve', '3', '--for', '1'],
    ['deny', '3', '--always', '--for', '1h'],
    ['revoke', 'all'],
    ['approvals', 'x'],
  ]) {
    const { stderr, exit } = await bulkhead([...args, '--state', there.state]);
    assert.equal(exit, 2, args.join(' '));
    assert.equal(stderr.trim().split('\n').length, 2, stderr);
  }
  assert.deepEqual(there.asked, []);
});
