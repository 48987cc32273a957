import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Failure } from '../../src/model/failure.ts';
import { parseLine } from '../../src/programs/cli/parse.ts';
import { type Entry, TABLE } from '../../src/programs/cli/table.ts';

const load = (): never => {
  throw new Error('not loaded by parsing');
};
const TABLE_HERE: readonly Entry[] = [
  {
    name: 'run',
    group: 'an agent',
    operands: '<agent> <command...>',
    options: [{ flags: '-t, --tty', summary: '' }],
    summary: '',
    load,
  },
  { name: 'up', group: 'the fleet', options: [{ flags: '-f, --file <file>', summary: '' }], summary: '', load },
  {
    name: 'ledger tail',
    group: 'the fleet',
    options: [
      { flags: '-f, --follow', summary: '' },
      { flags: '-n, --last <n>', summary: '' },
    ],
    summary: '',
    load,
  },
];

function parsed(line: string): unknown {
  const read = parseLine(TABLE_HERE, line.split(' '));
  return read.kind === 'command' ? [read.entry.name, read.operands, read.options] : read.kind;
}

test('options stand before or after operands, and global ones before or after the command', () => {
  const same = [['run', ['coder', 'ls'], { tty: true, json: true, state: '/s' }]];
  for (const line of [
    '--json --state /s run --tty coder ls',
    'run coder ls --tty --json --state /s',
    'run coder -t --state=/s ls --json',
  ])
    assert.deepEqual([parsed(line)], same, line);
});

test('after -- nothing is an option, wherever the options before it stood', () => {
  for (const before of ['run coder', 'run coder --tty', 'run --tty coder', '--json run coder', 'run coder -t --json'])
    for (const rest of ['ls -la', 'x --json --help -h --version', 'a -- b', '--state /x', '-f'])
      assert.deepEqual(
        (parsed(`${before} -- ${rest}`) as unknown[])[1],
        ['coder', ...rest.split(' ')],
        `${before} -- ${rest}`,
      );
});

test('an option of one letter means what its command says', () => {
  assert.deepEqual(parsed('up -f x.yaml'), ['up', [], { file: 'x.yaml' }]);
  assert.deepEqual(parsed('ledger tail -f -n 3'), ['ledger tail', [], { follow: true, last: '3' }]);
  assert.deepEqual(parsed('ledger tail -fn3'), ['ledger tail', [], { follow: true, last: '3' }]);
});

test('any words at all are understood or refused with a Failure', () => {
  const seed = 20261121;
  const word = fc.oneof(
    fc.constantFrom(
      ...TABLE.flatMap(({ name }) => name.split(' ')),
      '--',
      '--json',
      '--state',
      '-f',
      '-n',
      '-h',
      'help',
      '--version',
      '-',
      '',
    ),
    fc.string(),
    fc.string({ unit: 'binary' }).map((text) => `-${text}`),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (words) => {
      try {
        assert.ok(['help', 'version', 'command'].includes(parseLine(TABLE, words).kind));
      } catch (error) {
        assert.ok(error instanceof Failure && error.exit === 2, String(error));
      }
    }),
    { seed, numRuns: 2000 },
  );
});
