import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressBytes, addressOf, looseIpv4, parseAddress } from '../../src/protocol/address.ts';
import { FUZZ } from './seed.ts';

test('each address has one spelling', () => {
  const spellings: readonly [string, string][] = [
    ['203.0.113.1', '203.0.113.1'],
    ['::ffff:203.0.113.1', '203.0.113.1'],
    ['::FFFF:CB00:7101', '203.0.113.1'],
    ['0:0:0:0:0:ffff:203.0.113.1', '203.0.113.1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8::0:1', '2001:db8::1'],
    ['2001:db8:0:1::', '2001:db8:0:1::'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['64:ff9b::203.0.113.1', '64:ff9b::cb00:7101'],
  ];
  for (const [text, canonical] of spellings) assert.equal(parseAddress(text), canonical, text);
});

test('what inet_pton refuses is no address', () => {
  const refused = [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '256.1.1.1',
    '1.2.3.-4',
    '1::2::3',
    ':1::',
    '1:2:3:4:5:6:7',
    ':::',
  ];
  const more = [
    '12345::',
    '::1.2.3',
    '1.2.3.4::',
    '::ffff:1.2.3.4:5',
    'fe80::1%lo',
    '[::1]',
    '1:2:3:4:5:6:7:8:9',
    '::g',
    '1:',
  ];
  for (const text of [...refused, ...more]) assert.equal(parseAddress(text), undefined, text);
});

test('every spelling of an IPv4 address that some parser takes is that address', () => {
  const spellings = [
    '0xCB007101',
    '3405803777',
    '0313.0.0161.1',
    '203.0.28929',
    '203.28929',
    '0xcb.0x0.0x71.0x1',
    '203.0.0x71.01',
  ];
  for (const text of spellings) assert.equal(looseIpv4(text), '203.0.113.1', text);
  for (const [text, is] of [
    ['127.1', '127.0.0.1'],
    ['0', '0.0.0.0'],
    ['0x', '0.0.0.0'],
    ['017700000001', '127.0.0.1'],
  ])
    assert.equal(looseIpv4(text as string), is);
  for (const text of ['4294967296', '1.2.3.256', '256.1', '08', '0x1g', '1.2.3.4.5', '', '1..2', '1.16777216'])
    assert.equal(looseIpv4(text), undefined, text);
});

test('inet_pton and we agree on any text that looks like an address', () => {
  const text = fc.string({ unit: fc.constantFrom(...'0123456789abcdfF:.:.x%'.split('')), maxLength: 24 });
  const near = fc.oneof(
    text,
    fc.ipV4(),
    fc.ipV6(),
    fc.ipV6().map((one) => `${one}1`),
    fc.ipV4().map((one) => `::ffff:${one}`),
  );
  fc.assert(
    fc.property(near, (raw) => {
      const zone = raw.includes('%'); // Node takes zones, we take none
      assert.equal(parseAddress(raw) !== undefined, isIP(raw) !== 0 && !zone, raw);
    }),
    FUZZ,
  );
});

test('an address survives going through its bytes', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (raw) => {
      const address = parseAddress(raw);
      assert.ok(address);
      assert.equal(addressOf([...addressBytes(address)]), address);
      assert.equal(parseAddress(address), address);
    }),
    FUZZ,
  );
});

test('the WHATWG URL parser reads the same IPv4 address out of any number', () => {
  const part = fc
    .oneof(fc.nat(300), fc.nat(0xffffffff))
    .chain((n) => fc.constantFrom(String(n), `0x${n.toString(16)}`, `0${n.toString(8)}`));
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
      const raw = parts.join('.');
      const url = URL.canParse(`http://${raw}/`) ? new URL(`http://${raw}/`).hostname : undefined;
      assert.equal(looseIpv4(raw), url, raw);
    }),
    FUZZ,
  );
});
