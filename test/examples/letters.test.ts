import assert from 'node:assert/strict';
import test from 'node:test';
import { letters, reader } from './mail.ts';

// RFC 5322: sections 2.1.1 (line length), 2.3 (lines end in CRLF), 3.3 (dates), 3.6 (fields and how often they may stand).
const DATE =
  /^(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d(?::\d\d)? [+-]\d{4}(?: \([A-Z]+\))?$/;
const AT_MOST_ONCE = [
  'date',
  'from',
  'sender',
  'reply-to',
  'to',
  'cc',
  'bcc',
  'message-id',
  'in-reply-to',
  'references',
  'subject',
];

for (const { file, bytes } of letters()) {
  const source = bytes.toString('latin1');
  const head = source.slice(0, source.indexOf('\r\n\r\n'));
  const fields = head.replace(/\r\n(?=[ \t])/g, '').split('\r\n');

  test(`${file} is an Internet message of RFC 5322`, () => {
    assert.doesNotMatch(source, /(?<!\r)\n|\r(?!\n)/, 'every line ends in CRLF');
    for (const line of source.split('\r\n')) assert.ok(line.length <= 998, 'no line is longer than 998 characters');
    for (const field of fields)
      assert.match(field, /^[!-9;-~]+: ?[\x20-\x7e\t]*$/, 'a field is a name, a colon, printable ASCII');
    const names = fields.map((field) => field.slice(0, field.indexOf(':')).toLowerCase());
    for (const name of AT_MOST_ONCE)
      assert.ok(names.filter((other) => other === name).length <= 1, `${name} at most once`);
    const value = (name: string): string => fields[names.indexOf(name)]?.replace(/^[^:]*:\s*/, '') ?? '';
    assert.match(value('date'), DATE);
    assert.ok(!Number.isNaN(Date.parse(value('date').replace(/ \(.*/, ''))));
    assert.match(value('from'), /[^\s<>@]+@[a-z0-9.-]+/);
    if (names.includes('message-id')) assert.match(value('message-id'), /^<[^\s<>@]+@[^\s<>@]+>$/);
  });

  test(`${file} names only hosts and addresses that lead nowhere`, () => {
    const { text } = reader.readMail(bytes);
    const all = `${head}\n${text}`;
    for (const [, host] of all.matchAll(/@([a-z0-9-]+(?:\.[a-z0-9-]+)+)/gi)) assert.match(host ?? '', /\.test$/);
    for (const [, host] of all.matchAll(/https?:\/\/([^/:\s'"]+)/gi))
      assert.match(host ?? '', /\.test$|^203\.0\.113\.\d+$/);
    for (const [address] of all.matchAll(/\b\d{1,3}(?:\.\d{1,3}){3}\b/g))
      assert.match(address, /^(192\.0\.2|198\.51\.100|203\.0\.113)\./);
  });
}

test('there are between eight and twenty letters, and exactly one of them gives orders', () => {
  const all = letters();
  assert.ok(all.length >= 8 && all.length <= 20);
  const commanding = all.filter(({ bytes }) => /^run:/m.test(reader.readMail(bytes).text));
  assert.deepEqual(
    commanding.map(({ file }) => file),
    ['07-migration.eml'],
  );
});
