import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  later,
  millisecondsBetween,
  readTimeAnswer,
  readTimeRequest,
  writeTimeAnswer,
  writeTimeDenial,
  writeTimeRequest,
} from '../../src/protocol/ntp.ts';
import { FUZZ } from './seed.ts';

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');
const withByte = (message: Buffer, at: number, value: number): Buffer => {
  const other = Buffer.from(message);
  other[at] = value;
  return other;
};

// NTP_sync.pcap of Wireshark's sample captures: a peer's message (packet 1), and two answers to it. Peers are no clients: modes 1 and 2.
const PEER = hex(
  `d9000afa 00000000 00010290 00000000 0000000000000000 0000000000000000 0000000000000000 c50204ecec42ee92`,
);
const ASKED = 0xc50204ecec42ee92n;
const ANSWERS = [
  hex(`1a030aee 00001bf7 000014ec 51ae80b7 c502034c8d0e66cb c50204ecec42ee92 c50204ebcf4959e6 c50204ebcf4c6e6e`),
  hex(`1a020aec 000007c3 00002f80 c61e5c02 c501f995425082cf c50204ecec42ee92 c50204ebd2352eb5 c50204ebd235d67b`),
];
// A client's request with a key and an MD5 digest of 16 bytes after it, as the tests of the crate ntp-parser have it.
const SIGNED =
  hex(`23000000 0000000c 00000000 00000000 0000000000000000 0000000000000000 0000000000000000 cc25cc132b021000
  00000001 52800c2b590064668 4f44ca4eece12b8`);
/** The same with the mode of a client, and of a server. */
const client = withByte(PEER, 0, 0xdb);
const server = ANSWERS.map((one) => withByte(one, 0, 0x1c));

test('a client of version 3 or 4 is read, and only its version and its timestamp are taken', () => {
  assert.deepEqual(readTimeRequest(client), { kind: 'request', request: { version: 3, transmit: ASKED } });
  const plain = SIGNED.subarray(0, 48);
  assert.deepEqual(readTimeRequest(plain), { kind: 'request', request: { version: 4, transmit: 0xcc25cc132b021000n } });
});

test('peers, answers, broadcasts, control and private messages, other versions, keys, extension fields and pieces are no requests', () => {
  const refused = [
    ...[
      PEER,
      ...ANSWERS,
      ...server,
      SIGNED,
      Buffer.concat([client, hex('0204000400000000')]),
      client.subarray(0, 47),
      hex(''),
    ],
    ...[0, 1, 2, 4, 5, 6, 7].map((mode) => withByte(client, 0, (4 << 3) | mode)),
    ...[0, 1, 2, 5, 6, 7].map((version) => withByte(client, 0, (version << 3) | 3)),
  ];
  for (const one of refused) assert.equal(readTimeRequest(one).kind, 'refused', one.toString('hex'));
});

test('an answer to our request is read as its server meant it', () => {
  const read = server.map((one) => readTimeAnswer(one, ASKED));
  assert.deepEqual(read, [
    {
      kind: 'answer',
      answer: {
        ...{ leap: 0, stratum: 3, rootDelay: 0x1bf7 / 65536, rootDispersion: 0x14ec / 65536 },
        ...{ receive: 0xc50204ebcf4959e6n, transmit: 0xc50204ebcf4c6e6en },
      },
    },
    {
      kind: 'answer',
      answer: {
        ...{ leap: 0, stratum: 2, rootDelay: 0x7c3 / 65536, rootDispersion: 0x2f80 / 65536 },
        ...{ receive: 0xc50204ebd2352eb5n, transmit: 0xc50204ebd235d67bn },
      },
    },
  ]);
});

test('an answer to another request, of another mode, of no clock, of a far one, or with more in it is none', () => {
  const [one = Buffer.alloc(0)] = server;
  const copy = (change: (message: Buffer) => unknown): Buffer => {
    const other = Buffer.from(one);
    change(other);
    return other;
  };
  const wrong: [Buffer, RegExp][] = [
    [withByte(one, 31, 0x93), /another request/],
    [ANSWERS[0] ?? one, /mode/],
    [withByte(one, 0, 0x1d), /mode/],
    [withByte(one, 0, 0x14), /version/],
    [withByte(one, 0, 0xdc), /not synchronised/],
    [withByte(one, 1, 16), /not synchronised/],
    [copy((message) => message.fill(0, 40)), /no time/],
    [copy((message) => message.fill(0, 32, 40)), /no time/],
    [copy((message) => message.writeUInt32BE(16 << 16, 8)), /too far/],
    [copy((message) => message.writeUInt32BE(0xffffffff, 4)), /too far/],
    [copy((message) => message.copy(message, 40, 16, 24)), /contradict/],
    [Buffer.concat([one, one]), /more than 48 bytes/],
    [one.subarray(0, 47), /too short/],
  ];
  for (const [message, why] of wrong) {
    const read = readTimeAnswer(message, ASKED);
    assert.match(read.kind === 'refused' ? read.why : read.kind, why, message.toString('hex'));
  }
});

test('a server that wants not to be asked is understood, and what it says is no text of its choice', () => {
  const kiss = (code: string): Buffer => {
    const message = withByte(server[0] ?? PEER, 1, 0);
    message.write(code, 12, 'latin1');
    return message;
  };
  assert.deepEqual(readTimeAnswer(kiss('RATE'), ASKED), { kind: 'kiss', code: 'RATE' });
  assert.deepEqual(readTimeAnswer(kiss('\n\0a\x1b'), ASKED), { kind: 'kiss', code: 'a code that is none' });
});

test('our request says nothing but its version, its mode and a random number', () => {
  const sent = Buffer.from(writeTimeRequest(0x0102030405060708n)).toString('hex');
  assert.equal(sent, `23000020${'00'.repeat(36)}0102030405060708`);
});

test('our answer is one that our own reader takes for the truth', () => {
  const answer = {
    leap: 1,
    stratum: 2,
    rootDelay: 0.5,
    rootDispersion: 0.25,
    receive: 0xc502n << 48n,
    transmit: 0xc503n << 48n,
  };
  const request = { version: 3, transmit: ASKED };
  const message = writeTimeAnswer(request, answer, 0xc501n << 48n);
  assert.deepEqual(readTimeAnswer(message, ASKED), { kind: 'answer', answer });
  assert.equal((message[0] ?? 0) >> 3, (1 << 3) | 3);
  assert.deepEqual(readTimeAnswer(writeTimeDenial(request), ASKED), { kind: 'kiss', code: 'DENY' });
});

test('times are compared and moved across the end of an era', () => {
  const eve = 0xffffffff_80000000n;
  assert.equal(later(eve, 1500), 0x00000001_00000000n);
  assert.equal(millisecondsBetween(eve, later(eve, 1500)), 1500);
  assert.equal(millisecondsBetween(later(eve, 1500), eve), -1500);
});

test('whatever comes is read without an exception, and what is taken for an answer is near the truth', () => {
  const message = fc.oneof(
    fc.uint8Array({ maxLength: 120 }),
    fc
      .tuple(
        fc.constantFrom(...server, client, PEER, SIGNED),
        fc.array(fc.tuple(fc.nat(67), fc.nat(255)), { maxLength: 6 }),
      )
      .map(([from, changes]) =>
        changes.reduce((all, [at, value]) => (at < all.length ? withByte(all, at, value) : all), from),
      ),
  );
  fc.assert(
    fc.property(message, (bytes) => {
      const asked = readTimeRequest(bytes);
      assert.equal(asked.kind === 'request', bytes.length === 48 && [0x1b, 0x23].includes((bytes[0] ?? 0) & 0x3f));
      const read = readTimeAnswer(bytes, ASKED);
      if (read.kind !== 'answer') return;
      const { leap, stratum, rootDelay, rootDispersion, receive, transmit } = read.answer;
      assert.ok(leap < 3 && stratum > 0 && stratum < 16 && rootDelay / 2 + rootDispersion < 16);
      assert.ok(millisecondsBetween(receive, transmit) >= 0);
      assert.equal(Buffer.from(bytes).readBigUInt64BE(24), ASKED);
    }),
    FUZZ,
  );
});
