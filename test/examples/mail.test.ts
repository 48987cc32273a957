import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import fc from 'fast-check';
import { INBOX, letters, reader } from './mail.ts';

const { readMail, decodeWords, readParameters } = reader;

test('encoded words read as in the examples of RFC 2047, section 8', () => {
  const examples: [string, string][] = [
    ['(=?ISO-8859-1?Q?a?=)', '(a)'],
    ['(=?ISO-8859-1?Q?a?= b)', '(a b)'],
    ['(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)', '(ab)'],
    ['(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)', '(ab)'],
    ['(=?ISO-8859-1?Q?a_b?=)', '(a b)'],
    ['(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)', '(a b)'],
    ['=?ISO-8859-1?Q?B=FCro_S=FCd?= <buero@sued.test>', 'Büro Süd <buero@sued.test>'],
    [
      '=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=',
      'If you can read this you understand the example.',
    ],
  ];
  for (const [encoded, shown] of examples) assert.equal(decodeWords(encoded), shown);
});

test('a character cut in two by its sender is put together again', () => {
  assert.equal(decodeWords('=?utf-8?B?w7w=?='), 'ü');
  assert.equal(decodeWords('=?utf-8?B?ww==?= =?utf-8?B?vA==?='), 'ü');
});

test('parameters read as in the examples of RFC 2231, sections 3 and 4.1', () => {
  const continued = readParameters(
    'message/external-body; access-type=URL; URL*0="ftp://"; URL*1="cs.example.test/pub/x.tar"',
  );
  assert.equal(continued.value, 'message/external-body');
  assert.equal(continued.parameters.get('url'), 'ftp://cs.example.test/pub/x.tar');
  const both = readParameters(
    `application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2="isn't it!"`,
  );
  assert.equal(both.parameters.get('title'), "This is even more ***fun*** isn't it!");
});

test('a semicolon inside quotes does not end a parameter', () => {
  assert.equal(readParameters('text/plain; name="a;b.txt"; x=1').parameters.get('name'), 'a;b.txt');
});

test('a reader that others wrote finds no fault in the letters, and reads the same out of them', () => {
  const script = `
import email, email.policy, json, pathlib, sys
def walk(part):
    yield part
    if part.is_multipart() and part.get_content_type() != 'message/delivery-status': # it would split the blocks of a report
        for inner in part.get_payload():
            yield from walk(inner)
out = {}
for path in sorted(pathlib.Path(sys.argv[1]).glob('*.eml')):
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    parts = list(walk(mail))
    defects = [str(d) for p in parts for d in p.defects] + [str(d) for h in mail.values() for d in h.defects]
    names = [p.get_filename() for p in parts if p.get_filename()]
    out[path.name] = {'defects': defects, 'subject': mail['subject'], 'names': names, 'types': [p.get_content_type() for p in parts]}
print(json.dumps(out))`;
  const found = JSON.parse(execFileSync('python3', ['-c', script, INBOX], { encoding: 'utf8' })) as Record<
    string,
    unknown
  >;
  for (const { file, bytes } of letters()) {
    const { subject, attachments, types } = readMail(bytes);
    const names = attachments.map(({ name }) => name);
    assert.deepEqual(found[file], { defects: [], subject, names, types: [...types] }, file);
  }
});

test('text arrives whole out of quoted-printable, base64 and four character sets', () => {
  const text = (start: string): string => readMail(one(start)).text;
  assert.match(text('01'), /für 500 Plakate \(DIN A2\) über 1\.240,00 €, zahlbar/); // UTF-8, quoted-printable, soft line breaks
  assert.match(text('04'), /öffnet sich bei uns nicht/); // ISO 8859-1
  assert.match(text('05'), /ポスター（A2）を百枚注文いたします/); // UTF-8, base64
  assert.match(text('10'), /“Grotesk No\. 4”, one desktop licence: € 180\.00/); // windows-1252
  assert.match(text('11'), /^Grüezi,\nbitte 200 statt 150 Karten/); // HTML only
});

test('of alternatives the plain one is read, and what is attached is not', () => {
  const mail = readMail(one('02'));
  assert.doesNotMatch(mail.text, /<|utm_source/);
  assert.equal(mail.text.match(/cotton rag/gi)?.length, 1);
});

test('no bytes make the reader throw, and it ends', () => {
  const seed = 20261121;
  const real = letters().map(({ bytes }) => bytes);
  const broken = fc
    .tuple(
      fc.constantFrom(...real),
      fc.array(fc.tuple(fc.nat(), fc.uint8Array({ maxLength: 12 }), fc.nat(30)), { maxLength: 8 }),
    )
    .map(([bytes, cuts]) => {
      let mail = bytes;
      for (const [at, put, drop] of cuts) {
        const place = at % (mail.length + 1);
        mail = Buffer.concat([mail.subarray(0, place), put, mail.subarray(place + drop)]);
      }
      return mail;
    });
  const noise = fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.oneof(broken, noise), (bytes) => {
      const mail = readMail(bytes);
      assert.equal(typeof mail.text, 'string');
      assert.ok(mail.types.length <= 200);
    }),
    { seed, numRuns: 1500 },
  );
});

test('parts inside parts inside parts come to an end', () => {
  let body = 'deep';
  for (let depth = 0; depth < 500; depth++)
    body = `Content-Type: multipart/mixed; boundary=b${depth}\r\n\r\n--b${depth}\r\n${body}\r\n--b${depth}--\r\n`;
  assert.ok(readMail(Buffer.from(body)).types.length <= 13);
});

function one(start: string): Buffer {
  const letter = letters().find(({ file }) => file.startsWith(start));
  assert.ok(letter, `a letter whose name begins with ${start}`);
  return letter.bytes;
}
