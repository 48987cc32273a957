import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalHost, hostText, parseAuthority } from '../../src/protocol/host.ts';
import { FUZZ } from './seed.ts';

test('a host name has one spelling', () => {
  for (const raw of ['Allow.TEST', 'allow.test', 'ALLOW.test.'])
    assert.equal(hostText(canonicalHost(raw)), 'allow.test');
  assert.equal(hostText(canonicalHost('xn--bcher-kva.test')), 'xn--bcher-kva.test');
  assert.equal(hostText(canonicalHost('_dmarc.a_b.test')), '_dmarc.a_b.test');
  assert.equal(hostText(canonicalHost('[::FFFF:127.0.0.1]')), '127.0.0.1');
  assert.equal(hostText(canonicalHost('0xCB007101.')), '203.0.113.1');
});

test('what two parsers could read differently is no host', () => {
  const smuggled = [
    'deny.test\0.allow.test',
    'allow.test%2edeny.test',
    'allow.test@deny.test',
    'deny.test#allow.test',
    'a b.test',
  ];
  const shapes = [
    '',
    '.',
    '..',
    'allow.test..',
    '.allow.test',
    'a..b',
    '-a.test',
    'a-.test',
    'a\t.test',
    'a.test/',
    'a\\b.test',
  ];
  const numbers = ['1.2.3.256', '999999999999', 'allow.1', '1.2.3.4.5', '0x100000000', 'a.0x1'];
  const unicode = [
    'b\u00fcch.test',
    '203.0.113\u30021',
    '\uff12\uff10\uff13.0.113.1',
    '\u017f.test',
    '\u212aube.test',
    'allow.test\u200d',
  ];
  const addresses = ['[::1', '::1]', '[127.0.0.1]', '[fe80::1%25lo]', '[::1]x', '[]', '1:2', '[::1]:80'];
  const long = [`${'a'.repeat(64)}.test`, `${'a.'.repeat(130)}test`];
  for (const raw of [...smuggled, ...shapes, ...numbers, ...unicode, ...addresses, ...long])
    assert.equal(canonicalHost(raw).kind, 'bad', JSON.stringify(raw));
});

test('an authority is a host and at most one port', () => {
  assert.deepEqual(parseAuthority('allow.test:443'), { host: { kind: 'name', name: 'allow.test' }, port: 443 });
  assert.equal(parseAuthority('allow.test').port, undefined);
  assert.equal(hostText(parseAuthority('[2001:db8::1]:8443').host), '2001:db8::1');
  for (const raw of [
    'a.test:',
    'a.test:0',
    'a.test:65536',
    'a.test:+1',
    'a.test:1:2',
    'u@a.test:1',
    '::1',
    'a.test: 1',
    ':80',
  ])
    assert.equal(parseAuthority(raw).host.kind, 'bad', raw);
});

test('whatever we take for a host, the WHATWG URL parser takes for the same one', () => {
  const letters = fc.constantFrom(...'abcXN019-_.:[]%@#/\\ \t\0xé。fF'.split(''), 'xn--', '.test', '0x', '::', '127.');
  fc.assert(
    fc.property(fc.string({ unit: letters, maxLength: 30 }), (raw) => {
      const host = canonicalHost(raw);
      if (host.kind === 'bad') return;
      const text = raw.includes(':') && !raw.startsWith('[') ? `[${raw}]` : raw;
      if (!URL.canParse(`http://${text}/`)) return; // stricter than we are, about A-labels
      const url = new URL(`http://${text}/`).hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
      assert.equal(hostText(canonicalHost(url)), hostText(host), raw);
      assert.equal(hostText(canonicalHost(hostText(host) as string)), hostText(host), 'not stable');
    }),
    { ...FUZZ, numRuns: FUZZ.numRuns * 5 },
  );
});
