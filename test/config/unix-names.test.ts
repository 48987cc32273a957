import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { agentName, fleetName } from '../../src/model/names.ts';
import { unixUserName } from '../../src/model/unix-names.ts';

const SEED = 20260101;
const label = fc.stringMatching(/^[a-z](?:-?[a-z0-9]){0,19}$/).filter((text) => text.length <= 40);

function user(fleet: string, agent: string): string {
  return unixUserName(fleetName(fleet), agentName(agent));
}

test('short names are readable, and stay what they are for ever', () => {
  assert.equal(user('home', 'coder'), 'bh-home-coder');
  assert.equal(user('studio', 'mail-clerk'), 'bh-studio-mail-clerk');
  assert.equal(user('a-b', 'c'), 'bh-a-b-c_oer5v5un');
  assert.equal(user('a'.repeat(40), 'b'.repeat(40)), 'bh-aaaaaaaaaaaaaaaaaaaa_frmufw52');
});

test('every user name is one that useradd takes', () => {
  fc.assert(
    fc.property(label, label, (fleet, agent) => {
      const name = user(fleet, agent);
      assert.ok(name.length <= 32, name);
      assert.match(name, /^[a-z_][a-z0-9_-]*$/); // useradd(8), CAVEATS
      assert.equal(name, user(fleet, agent));
    }),
    { seed: SEED, numRuns: 1000 },
  );
});

test('different agents never share a user, though their names run together or are cut', () => {
  assert.notEqual(user('a-b', 'c'), user('a', 'b-c'));
  assert.notEqual(user('a-b-c', 'd'), user('a-b', 'c-d'));
  const long = 'a'.repeat(39);
  assert.notEqual(user('home', `${long}b`), user('home', `${long}c`));
  const seen = new Map<string, string>();
  fc.assert(
    fc.property(label, label, (fleet, agent) => {
      const name = user(fleet, agent);
      assert.equal(seen.get(name) ?? `${fleet}/${agent}`, `${fleet}/${agent}`);
      seen.set(name, `${fleet}/${agent}`);
    }),
    { seed: SEED, numRuns: 5000 },
  );
});
