import assert from 'node:assert/strict';
import { BlockList, isIPv6 } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import type { EgressRule } from '../../src/model/fleet.ts';
import { refusedAddress } from '../../src/policy/addresses.ts';
import { grantLine, judgeEgress, mayBeNamed, ruleText } from '../../src/policy/egress.ts';
import { hostMatches } from '../../src/policy/hostnames.ts';
import { parseAddress } from '../../src/protocol/address.ts';
import { FUZZ } from '../protocol/seed.ts';

const to = (host: string, port: number = 443, literal: boolean = false) => ({ host, port, literal });
const RULES: readonly EgressRule[] = [
  { host: 'allow.test', port: 443 },
  { host: '*.wild.test', port: 443 },
  { host: 'one.wild.test', port: 443, address: '10.0.0.7' },
  { host: '203.0.113.5', port: 8080 },
];

test('a rule for the time grants no connection, and a rule for connections no question for the time', () => {
  const rules: EgressRule[] = [
    { host: 'clock.test', port: 123, protocol: 'ntp' },
    { host: 'both.test', port: 123 },
  ];
  const time = (host: string) => judgeEgress(rules, { ...to(host, 123), protocol: 'ntp' }).kind;
  assert.deepEqual([time('clock.test'), judgeEgress(rules, to('clock.test', 123)).kind], ['allow', 'deny']);
  assert.deepEqual([time('both.test'), judgeEgress(rules, to('both.test', 123)).kind], ['deny', 'allow']);
  assert.equal(mayBeNamed(rules, 'clock.test'), true);
  assert.equal(
    ruleText({ host: 'c.test', port: 123, protocol: 'ntp', address: '10.0.0.1' }),
    '{ ntp: c.test, address: 10.0.0.1 }',
  );
});

test('without rules everything is denied', () => {
  assert.deepEqual(judgeEgress([], to('allow.test')), { kind: 'deny', why: 'no rule grants allow.test' });
});

test('a rule grants its host at its port', () => {
  assert.deepEqual(judgeEgress(RULES, to('allow.test')), { kind: 'allow', rule: 'allow.test' });
  const other = judgeEgress(RULES, to('allow.test', 22));
  assert.equal(other.kind === 'deny' && other.why, 'allow.test is granted on port 443 only, not on 22');
});

test('a wildcard covers names below it at a label boundary, not itself and not look-alikes', () => {
  for (const host of ['a.wild.test', 'a.b.wild.test']) assert.equal(judgeEgress(RULES, to(host)).kind, 'allow', host);
  for (const host of [
    'wild.test',
    'evilwild.test',
    'wild.test.deny.test',
    '.wild.test',
    'evilallow.test',
    'allow.test.deny.test',
  ])
    assert.equal(judgeEgress(RULES, to(host)).kind, 'deny', host);
});

test('the closest rule gives the terms: an exact one before a wildcard', () => {
  assert.deepEqual(judgeEgress(RULES, to('one.wild.test')), {
    kind: 'allow',
    rule: '{ host: one.wild.test, port: 443, address: 10.0.0.7 }',
    address: '10.0.0.7',
  });
});

test('an address is granted only by a rule that names it, and is then dialled as it is', () => {
  assert.equal(judgeEgress(RULES, to('203.0.113.6', 8080, true)).kind, 'deny');
  const verdict = judgeEgress(RULES, to('203.0.113.5', 8080, true));
  assert.equal(verdict.kind === 'allow' && verdict.address, '203.0.113.5');
  assert.equal(judgeEgress([{ host: '*.5', port: 80 }], to('203.0.113.5', 80, true)).kind, 'deny');
});

test('a name has an address if some rule covers it, whatever its port', () => {
  assert.ok(mayBeNamed(RULES, 'x.wild.test') && mayBeNamed(RULES, 'allow.test'));
  assert.ok(!mayBeNamed(RULES, 'deny.test') && !mayBeNamed(RULES, 'wild.test'));
});

test('the line that would allow a destination is YAML', () => {
  assert.equal(grantLine('coder', to('deny.test')), 'agents.coder.egress: [deny.test]');
  assert.equal(grantLine('coder', to('deny.test', 80)), 'agents.coder.egress: [{ host: deny.test, port: 80 }]');
  assert.equal(
    grantLine('coder', to('2001:db8::1', 80, true)),
    'agents.coder.egress: [{ host: "2001:db8::1", port: 80 }]',
  );
  assert.equal(ruleText({ host: '*.a.test', port: 443 }), '"*.a.test"');
});

test('a wildcard never matches across a label, whatever the names', () => {
  const label = fc.string({ unit: fc.constantFrom('a', 'b', '-', '_', '1'), minLength: 1, maxLength: 4 });
  const name = fc.array(label, { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(name, name, (base, host) => {
      const below = host.length > base.length && host.slice(-base.length).join('.') === base.join('.');
      assert.equal(hostMatches(`*.${base.join('.')}`, host.join('.')), below);
    }),
    FUZZ,
  );
});

test('addresses that lead inwards are refused by name of their range', () => {
  const refused: readonly [string, string][] = [
    ['127.0.0.1', 'loopback'],
    ['127.255.0.9', 'loopback'],
    ['0.0.0.0', 'unspecified'],
    ['0.1.2.3', 'reserved'],
    ['10.1.2.3', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.0.1', 'private'],
    ['100.64.0.1', 'shared (CGNAT)'],
    ['169.254.0.1', 'link-local'],
    ['169.254.169.254', 'a metadata service'],
    ['100.100.100.200', 'a metadata service'],
    ['198.18.0.16', 'synthetic'],
    ['198.19.255.255', 'synthetic'],
    ['224.0.0.251', 'multicast'],
    ['255.255.255.255', 'reserved'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['::7f00:1', 'reserved'],
    ['::ffff:10.0.0.1', 'private'],
    ['fd00:ec2::254', 'a metadata service'],
    ['fd62:6862::10', 'synthetic'],
    ['fc00::1', 'private'],
    ['fe80::1', 'link-local'],
    ['fec0::1', 'private'],
    ['ff02::1', 'multicast'],
    ['64:ff9b::127.0.0.1', 'loopback'],
    ['64:ff9b::a9fe:a9fe', 'a metadata service'],
    ['2002:7f00:1::', 'loopback'],
    ['2002:c0a8:1::1', 'private'],
    ['2001:0:1::', 'reserved'],
    ['64:ff9b:1::1', 'private'],
  ];
  for (const [text, is] of refused) assert.equal(refusedAddress(parseAddress(text) ?? assert.fail(text)), is, text);
});

test('ordinary addresses are not refused', () => {
  for (const text of [
    '1.1.1.1',
    '172.32.0.1',
    '172.15.0.1',
    '100.128.0.1',
    '198.20.0.1',
    '203.0.113.1',
    '223.255.255.255',
    '2606:4700::1',
    '64:ff9b::1.1.1.1',
    '2002:101:101::1',
  ])
    assert.equal(refusedAddress(parseAddress(text) ?? assert.fail(text)), undefined, text);
});

test('the ranges hold at their edges, as another matcher sees them', () => {
  const list = new BlockList();
  for (const range of [
    '0.0.0.0/8',
    '10.0.0.0/8',
    '100.64.0.0/10',
    '127.0.0.0/8',
    '169.254.0.0/16',
    '172.16.0.0/12',
    '192.0.0.0/24',
    '192.88.99.0/24',
    '192.168.0.0/16',
    '198.18.0.0/15',
    '224.0.0.0/4',
    '240.0.0.0/4',
    '168.63.129.16/32',
  ]) {
    const [net = '', bits] = range.split('/');
    list.addSubnet(net, Number(bits), 'ipv4');
  }
  for (const range of [
    '::/96',
    'fc00::/7',
    'fe80::/10',
    'fec0::/10',
    'ff00::/8',
    '64:ff9b:1::/48',
    '100::/64',
    '2001::/32',
  ]) {
    const [net = '', bits] = range.split('/');
    list.addSubnet(net, Number(bits), 'ipv6');
  }
  const nearV6 = fc
    .tuple(
      fc.constantFrom(
        'fc00',
        'fdff',
        'fe00',
        'fe7f',
        'fe80',
        'febf',
        'fec0',
        'ff00',
        'fbff',
        '100',
        '2001',
        '64',
        '0',
        '2000',
      ),
      fc.constantFrom('0', '1', 'ff9b'),
      fc.constantFrom('0', '1', '2'),
    )
    .map((p) => `${p.join(':')}::1`);
  const nearV4 = fc
    .tuple(
      fc.constantFrom(0, 1, 9, 10, 11, 100, 127, 128, 169, 172, 192, 198, 223, 224, 239, 240, 255),
      fc.constantFrom(0, 15, 16, 17, 18, 19, 20, 31, 32, 63, 64, 88, 127, 128, 167, 168, 254),
      fc.nat(255),
      fc.nat(255),
    )
    .map((p) => p.join('.'));
  fc.assert(
    fc.property(fc.oneof(nearV4, nearV6, fc.ipV4(), fc.ipV6()), (text) => {
      const address = parseAddress(text) ?? assert.fail(text);
      if (/^(?:64:ff9b::|2002:)/.test(address)) return; // judged by the address they hold
      const listed = list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
      assert.equal(refusedAddress(address) !== undefined, listed || address === '100.100.100.200', address);
    }),
    FUZZ,
  );
});
