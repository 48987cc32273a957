import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chosenState, userState } from '../../src/plan/places.ts';

const ENV = { HOME: '/home/you' };
const [OWN, ROOTS] = ['/home/you/.local/state/bulkhead', '/var/lib/bulkhead'];

test('the state of a user is where the XDG specification puts it; a relative path there is no path', () => {
  assert.equal(userState(ENV), OWN);
  assert.equal(userState({ ...ENV, XDG_STATE_HOME: '/var/you/' }), '/var/you/bulkhead');
  assert.equal(userState({ ...ENV, XDG_STATE_HOME: 'state' }), OWN);
  assert.equal(userState({}), undefined);
});

test('root has the one state; a user their own, unless only root has one', () => {
  const chosen = (uid: number, ...there: string[]): string => chosenState(uid, ENV, (state) => there.includes(state));
  assert.equal(chosen(0), ROOTS);
  assert.equal(chosen(0, OWN), ROOTS);
  assert.equal(chosen(1000), OWN);
  assert.equal(chosen(1000, ROOTS), ROOTS);
  assert.equal(chosen(1000, ROOTS, OWN), OWN);
  assert.equal(
    chosenState(1000, {}, () => false),
    ROOTS,
  );
});
