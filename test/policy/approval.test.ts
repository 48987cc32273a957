import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { agentName } from '../../src/model/names.ts';
import type { Question, Scope } from '../../src/model/question.ts';
import * as life from '../../src/policy/approval.ts';
import { FLOOD, fullBucket, take } from '../../src/policy/question/flood.ts';
import { FUZZ } from '../protocol/seed.ts';

const subject = { agent: agentName('a'), kind: 'destination', digest: 'd', shown: 'h:443', terms: null } as const;
const once: Scope = { kind: 'once' };
const HOUR = 3_600_000;

const asked = (now = 0): Question => life.ask(subject, 1, now, 12 * HOUR);
function done(changed: life.Changed): Question {
  assert.ok(changed.ok, JSON.stringify(changed));
  return changed.question;
}

test('a question that nobody answers is no', () => {
  const question = asked();
  assert.equal(life.standing(question, 12 * HOUR - 1), 'waiting');
  assert.equal(life.standing(question, 12 * HOUR), 'none');
  assert.equal(life.lapse(question, 12 * HOUR).state, 'expired');
  assert.equal(life.approve(question, once, 0, 12 * HOUR).ok, false);
});

test('an approval serves one identical attempt within an hour', () => {
  const granted = done(life.approve(asked(), once, 1000, HOUR));
  assert.equal(life.standing(granted, 2 * HOUR - 1), 'granted');
  assert.equal(life.standing(granted, 2 * HOUR), 'none');
  const used = done(life.use(granted, HOUR + 1));
  assert.equal(used.state, 'used');
  assert.equal(life.use(used, HOUR + 2).ok, false);
});

test('after a refusal the next attempt asks again, unless it was for a time or always', () => {
  assert.equal(life.standing(done(life.refuse(asked(), once, 0, 5)), 5), 'none');
  const hour = done(life.refuse(asked(), { kind: 'for', ms: HOUR }, 0, 5));
  assert.deepEqual([life.standing(hour, 5), life.standing(hour, 5 + HOUR)], ['refused', 'none']);
  const always = done(life.refuse(asked(), { kind: 'always' }, 0, 5));
  assert.equal(life.standing(always, 1e15), 'refused');
  assert.equal(life.standing(done(life.withdraw(always, 10)), 10), 'none');
});

test('what was revoked is not granted', () => {
  const granted = done(life.approve(asked(), { kind: 'always' }, 0, 1));
  const revoked = done(life.withdraw(granted, 2));
  assert.equal(revoked.state, 'withdrawn');
  assert.equal(life.use(revoked, 2).ok, false);
});

test('a refusal decides before a grant, a grant before a question that waits', () => {
  const grant = { ...done(life.approve(asked(), { kind: 'always' }, 0, 1)), id: 2 };
  const refusal = { ...done(life.refuse(asked(), { kind: 'always' }, 0, 1)), id: 3 };
  assert.equal(life.deciding([asked(), grant, refusal], 5).question?.id, 3);
  assert.equal(life.deciding([asked(), grant], 5).question?.id, 2);
  assert.equal(life.deciding([], 5).standing, 'none');
});

type Event =
  | { readonly do: 'approve' | 'refuse'; readonly scope: Scope; readonly after: number }
  | { readonly do: 'use' | 'withdraw' | 'wait' | 'ask'; readonly after: number };

const scopes: fc.Arbitrary<Scope> = fc.oneof(
  fc.constant<Scope>(once),
  fc.constant<Scope>({ kind: 'always' }),
  fc.integer({ min: 1, max: 30 * HOUR }).map((ms): Scope => ({ kind: 'for', ms })),
);
const after = fc.oneof(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 0, max: 14 * HOUR }));
const events: fc.Arbitrary<Event[]> = fc.array(
  fc.oneof(
    fc.record({ do: fc.constantFrom('approve' as const, 'refuse' as const), scope: scopes, after }),
    fc.record({ do: fc.constantFrom('use' as const, 'withdraw' as const, 'wait' as const, 'ask' as const), after }),
  ),
  { maxLength: 40 },
);

/** What must hold, told without the machine: until when the last yes goes, and how many acts it is good for. */
interface Oracle {
  until: number;
  left: number;
}

test('in whatever order things happen, nothing is done without a yes that is in force', () => {
  fc.assert(
    fc.property(events, (list) => {
      let now = 0;
      let id = 1;
      let all: Question[] = [];
      const oracle: Oracle = { until: -1, left: 0 };
      const current = (): Question | undefined => all.at(-1);
      const replace = (question: Question): void => {
        const was = all.at(-1);
        assert.ok(was);
        if (was.endedAt !== undefined && was.state !== 'refused') assert.equal(question.state, was.state);
        all = [...all.slice(0, -1), question];
      };
      for (const event of list) {
        now += event.after;
        const question = current();
        switch (event.do) {
          case 'ask': {
            if (life.deciding(all, now).standing !== 'none') break;
            all = [...all, life.ask(subject, id++, now, 12 * HOUR)];
            Object.assign(oracle, { until: -1, left: 0 });
            break;
          }
          case 'approve': {
            if (!question) break;
            const could = question.state === 'asked' && now < question.deadline;
            const changed = life.approve(question, event.scope, 7, now);
            assert.equal(changed.ok, could);
            if (!changed.ok) break;
            replace(changed.question);
            const length = event.scope.kind === 'once' ? HOUR : event.scope.kind === 'for' ? event.scope.ms : Infinity;
            Object.assign(oracle, { until: now + length, left: event.scope.kind === 'once' ? 1 : Infinity });
            break;
          }
          case 'refuse': {
            if (!question) break;
            const changed = life.refuse(question, event.scope, 7, now);
            assert.equal(changed.ok, question.state === 'asked' && now < question.deadline);
            if (changed.ok) replace(changed.question);
            break;
          }
          case 'use': {
            if (!question) break;
            const changed = life.use(question, now);
            assert.equal(changed.ok, oracle.left > 0 && now < oracle.until, JSON.stringify({ question, oracle, now }));
            if (!changed.ok) break;
            oracle.left -= 1;
            replace(changed.question);
            break;
          }
          case 'withdraw': {
            if (!question) break;
            const changed = life.withdraw(question, now);
            if (!changed.ok) break;
            replace(changed.question);
            oracle.left = 0;
            break;
          }
          case 'wait':
            if (question) replace(life.lapse(question, now));
        }
        const inForce = all.filter((one) => life.standing(one, now) !== 'none');
        assert.ok(inForce.length <= 1, 'two answers stand at once');
        for (const one of all) {
          const next = life.nextChange(one);
          if (life.lapse(one, now) === one && next !== undefined) assert.ok(next > now);
        }
      }
    }),
    FUZZ,
  );
});

test('a flood of questions is limited by rate and by how many wait', () => {
  let bucket = fullBucket(0);
  let asked = 0;
  for (let i = 0; i < 1000; i++) {
    const next = take(bucket, 0, i);
    if (typeof next === 'string') continue;
    bucket = next;
    asked += 1;
  }
  assert.equal(asked, FLOOD.burst);
  assert.equal(typeof take(fullBucket(0), FLOOD.waiting, 0), 'string');
  assert.notEqual(typeof take({ left: 0, at: 0 }, 0, HOUR / FLOOD.perHour + 1), 'string');
});
