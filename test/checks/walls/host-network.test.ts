import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Expected, OutsideFacts } from '../../../src/checks/walls/facts.ts';
import { judge, outsideOf, WANTED } from './compartment.ts';

/** The wall `network` of an agent in the host's own network: each thing it stands on, taken away by itself. */
const EXPECTED: Expected = {
  ...{ ...WANTED, programs: [], homes: [], closed: [], readable: [], open: [] },
  onHost: { address: '127.0.183.152', system: [], denied: [] },
};
const OUTSIDE: OutsideFacts = { ...outsideOf({}), hostNetwork: [] };
const FACTS: Readonly<Record<string, string>> = {
  ...{ links: 'lo eth0', api: 'open', api6: 'open', tcp: 'denied', udp: 'refused 1', udp6: 'refused 13' },
  ...{ listener: 'refused 111', route4: '127.0.183.152', route6: '::1' },
};
const LOOPBACK = 'services on the loopback of the host are behind the packet filter alone';

function judged(facts: Readonly<Record<string, string>>, outside: Partial<OutsideFacts> = {}): readonly string[] {
  const lines = Object.entries(facts).map(([name, value]) => `${name} ${value}`);
  const { network: wall } = judge(['end yes', ...lines], { ...OUTSIDE, ...outside }, EXPECTED);
  return wall.level === 'partial' ? wall.missing : [wall.level];
}

test('with everything in place it is partial, for what this tier never has', () => {
  assert.deepEqual(judged(FACTS), [LOOPBACK]);
});

test('an answer from where nothing was granted is no wall at all', () => {
  assert.deepEqual(judged({ ...FACTS, tcp: 'answered' }), ['none']);
});

const FALLEN: readonly [what: string, facts: Record<string, string>, outside: Partial<OutsideFacts>, says: RegExp][] = [
  ['no dead end for IPv4', { route4: '203.0.113.1' }, {}, /dead end does not hold \(route4: 203\.0\.113\.1\)/],
  ['no dead end for IPv6', { route6: 'another' }, {}, /dead end does not hold \(route6: another\)/],
  ['another agent’s dead end', { route4: '127.0.183.153' }, {}, /dead end does not hold/],
  ['datagrams that nobody rejects', { udp: 'refused 111' }, {}, /not rejected by the rules \(udp: refused 111\)/],
  ['a door that is open from the side', { listener: 'reached' }, {}, /own listener is open/],
  ['a door that does not answer', { api6: 'silent' }, {}, /not reached from inside \(api6: silent\)/],
  ['a foreign address that is silent', { tcp: 'closed' }, {}, /not answered by the gateway \(closed\)/],
  ['no gateway', {}, { gateway: false }, /gateway is not running/],
  [
    'what was put back',
    {},
    { packetFilter: false, hostNetwork: ['packet filter x'] },
    /until just now.*packet filter x/,
  ],
  ['a filter that nobody put back', {}, { packetFilter: false, hostNetwork: undefined as never }, /not the one that/],
];

for (const [what, facts, outside, says] of FALLEN)
  test(`${what} is told`, () => {
    const missing = judged({ ...FACTS, ...facts }, outside);
    assert.equal(missing.length, 2, missing.join('; '));
    assert.match(missing[1] ?? '', says);
  });

test('what nobody measured is missing', () => {
  for (const name of ['api', 'api6', 'tcp', 'udp', 'udp6', 'listener', 'route4', 'route6']) {
    const { [name]: _, ...others } = FACTS;
    assert.equal(judged(others).length, 2, name);
  }
});
