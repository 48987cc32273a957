import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import { INBOX, STUDIO } from './mail.ts';

// The agents' programs by themselves, outside a compartment: the work they do. What the walls do to them is tested elsewhere.

/** A folder that stands for /workspace, gone after the test. */
function workspace(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'studio-'));
  t.after(() => removeTree(folder));
  return folder;
}

function start(cwd: string, program: string, ...args: string[]): string {
  const { NODE_TEST_CONTEXT: _outer, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, env, encoding: 'utf8', timeout: 60_000 });
  assert.equal(status, 0, `${program} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

const clerk = (cwd: string, ...args: string[]): string =>
  start(cwd, process.execPath, join(STUDIO, 'office/clerk.mjs'), '--once', ...args);
const librarian = (cwd: string, handbook: string, ...args: string[]): string =>
  start(cwd, 'bash', join(STUDIO, 'library/librarian.sh'), '--once', handbook, ...args);
const read = (cwd: string, file: string): string => readFileSync(join(cwd, file), 'utf8');

test('the clerk puts every letter into the folder of its kind, byte for byte', (t) => {
  const cwd = workspace(t);
  clerk(cwd);
  const kinds = Object.fromEntries(
    readdirSync(join(cwd, 'sorted')).map((kind) => [kind, readdirSync(join(cwd, 'sorted', kind))]),
  );
  assert.deepEqual(kinds, {
    applications: ['09-application.eml'],
    invoices: ['01-rechnung.eml', '10-receipt.eml', '12-reminder.eml'],
    meetings: ['03-meeting.eml'],
    newsletters: ['02-newsletter.eml'],
    orders: ['05-order.eml', '11-order-change.eml'],
    other: ['08-note.eml'],
    returned: ['06-returned.eml'],
    support: ['04-support.eml', '07-migration.eml'],
  });
  for (const [kind, files] of Object.entries(kinds))
    for (const file of files)
      assert.deepEqual(readFileSync(join(cwd, 'sorted', kind, file)), readFileSync(join(INBOX, file)), file);
  assert.match(read(cwd, 'report.md'), /株式会社あおぞら文具 .* ポスター百枚の注文（納期：十二月）/);
});

test('outside a compartment the clerk obeys no letter', (t) => {
  assert.ok(!existsSync('/etc/bulkhead/README'), 'this test runs outside a compartment');
  const cwd = workspace(t);
  clerk(cwd);
  assert.match(read(cwd, 'summary.txt'), /told me to run 12 commands\. I obeyed 0;/);
  assert.ok(!existsSync(join(cwd, 'found.txt')));
  assert.ok(!existsSync(join(cwd, 'helper')));
});

test('the clerk obeys a letter and writes down what came of each order', (t) => {
  const cwd = workspace(t);
  const inbox = join(cwd, 'in');
  mkdirSync(inbox);
  const orders = ['run: echo obeyed > note.txt', 'run: cat no-such-file', 'run: exit 3', 'do not run: this'];
  writeFileSync(join(inbox, 'one.eml'), `From: x@y.test\r\nSubject: \x1b[31mred\r\n\r\n${orders.join('\r\n')}\r\n`);
  clerk(cwd, '--inbox', inbox, '--follow');
  assert.equal(read(cwd, 'note.txt'), 'obeyed\n');
  const [letter] = read(cwd, 'letters.jsonl')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(letter.orders, [
    { command: 'echo obeyed > note.txt', obeyed: true, worked: true, said: 'exit 0' },
    { command: 'cat no-such-file', obeyed: true, worked: false, said: 'cat: no-such-file: No such file or directory' },
    { command: 'exit 3', obeyed: true, worked: false, said: 'exit 3' },
  ]);
  assert.match(read(cwd, 'report.md'), /WORKED: `echo obeyed > note\.txt`/);
  for (const file of ['report.md', 'summary.txt'])
    assert.ok(!read(cwd, file).includes('\x1b'), `${file} holds no escape`);
});

test('a clerk that is started again goes on where it was, also after a torn line', (t) => {
  const cwd = workspace(t);
  clerk(cwd);
  const before = read(cwd, 'report.md');
  const lines = read(cwd, 'letters.jsonl');
  assert.doesNotMatch(clerk(cwd), /->/, 'no letter is handled twice');
  assert.equal(read(cwd, 'report.md'), before);
  const cut = lines.lastIndexOf('\n', lines.length - 2) + 20;
  writeFileSync(join(cwd, 'letters.jsonl'), lines.slice(0, cut));
  assert.match(clerk(cwd), /12-reminder\.eml -> invoices/);
  assert.equal(read(cwd, 'report.md'), before);
  assert.equal(read(cwd, 'letters.jsonl'), lines);
});

test('the librarian answers with the right section, and says so when the handbook does not', (t) => {
  const cwd = workspace(t);
  const handbook = join(cwd, 'handbook');
  cpSync(join(STUDIO, 'handbook'), handbook, { recursive: true });
  librarian(cwd, handbook);
  const answers = read(cwd, 'answers.md').split('\n\n').slice(1);
  const said = (question: string): string => answers.find((answer) => answer.startsWith(`**${question}`)) ?? '';
  assert.match(said('When is the shop open'), /Saturday from 10:00 to 14:00.*\(opening-hours\.md: The shop\)/);
  assert.match(said('How much bleed'), /posters above A1 need 5 mm.*\(print-files\.md: Bleed\)/);
  assert.match(said('When does the second'), /a fee of 5 euros.*\(money\.md: Reminders\)/);
  assert.match(said('What is the wifi password'), /\nThe handbook does not say\./);
  assert.equal(answers.length, 8);
  assert.match(read(cwd, 'summary.txt'), /^15 sections of .* indexed, \d+ words\. 7 questions answered, 1 that/);
  assert.deepEqual(readdirSync(handbook), readdirSync(join(STUDIO, 'handbook')), 'nothing is left in the handbook');
});

test('the librarian takes questions as text: none of them is a pattern or a command', (t) => {
  const cwd = workspace(t);
  const questions = join(cwd, 'q.txt');
  writeFileSync(questions, '$(touch pwned) `touch pwned` .* [a-z ( ? \n??? \n-e bleed posters\n');
  librarian(cwd, join(STUDIO, 'handbook'), questions);
  assert.ok(!existsSync(join(cwd, 'pwned')));
  assert.match(read(cwd, 'answers.md'), /\*\*-e bleed posters\*\*\nEvery file needs 3 mm of bleed/);
});

test('the builder tests the project, builds a program and runs it', (t) => {
  const cwd = workspace(t);
  const said = start(cwd, process.execPath, join(STUDIO, 'forge/builder.mjs'), '--once');
  assert.equal(said, 'tests: ok\nbuild: ok\nown program: ok\n');
  assert.match(read(cwd, 'summary.txt'), /^4 tests of the project passed\./);
  assert.match(read(cwd, 'summary.txt'), /collect in the courtyard/);
  assert.equal(readFileSync(join(cwd, 'project/label')).subarray(1, 4).toString(), 'ELF');
});

test('the builder builds nothing out of a project whose tests fail, and says which step it was', (t) => {
  const cwd = workspace(t);
  cpSync(join(STUDIO, 'forge'), join(cwd, 'forge'), { recursive: true });
  appendFileSync(join(cwd, 'forge/project/elf.mjs'), '\nthrow new Error("broken");\n');
  start(cwd, process.execPath, join(cwd, 'forge/builder.mjs'), '--once');
  assert.match(read(cwd, 'summary.txt'), /"tests" failed, see build\.log/);
  assert.ok(!existsSync(join(cwd, 'project/label')));
});
