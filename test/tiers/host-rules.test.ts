import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HostAgent, numbersOf, tableName } from '../../src/tiers/host-net.ts';
import { hostRuleset } from '../../src/tiers/host-rules.ts';
import { isGolden } from './golden.ts';

const AGENTS: readonly HostAgent[] = [
  { uid: 47_000, cgroup: 'bulkhead/home/ann', ports: [8080, 9000] },
  { uid: 47_001, cgroup: 'bulkhead/home/ben', ports: [] },
];

test('the packet filter of agents in the host network is as reviewed', () => {
  isGolden('host-rules', hostRuleset('bulkhead_0123456789ab', 'bulkhead/home', AGENTS));
});

test('no two uids of agents share an address, a routing table or a mark', () => {
  const all = Array.from({ length: 2_000 }, (_, at) => numbersOf(47_000 + at));
  for (const key of ['address4', 'address6', 'table', 'mark'] as const)
    assert.equal(new Set(all.map((numbers) => numbers[key])).size, all.length, key);
  assert.deepEqual(numbersOf(47_000), {
    address4: '127.0.183.152',
    address6: 'fd62:6864::b798',
    table: 0x6200b798,
    mark: 0x62683798,
  });
  assert.equal(numbersOf(0x12b798).address6, 'fd62:6864::12:b798');
});

test('a uid without numbers of its own is refused', () => {
  for (const uid of [0, 1, 255, 0x1000000, 1.5, -1, Number.NaN]) assert.throws(() => numbersOf(uid), RangeError);
});

test('two agents that would get one mark are refused together', () => {
  const [ann] = AGENTS;
  assert.ok(ann);
  assert.throws(() => hostRuleset('t', 'bulkhead/home', [ann, { ...ann, uid: ann.uid + 0x4000 }]), RangeError);
});

test('each state has a table of its own', () => {
  assert.equal(tableName('0123456789abcdef'), 'bulkhead_0123456789ab');
});
