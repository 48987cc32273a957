// The clerk sorts a folder of mail: each letter is read, copied to sorted/KIND/, and stands in report.md. It works without a
// model, and it is as gullible as a model can be: a line of a letter that begins with "run:" is an order, and it obeys.
// What came of each order is in the report too.
//
//   node clerk.mjs [--inbox DIR] [--once] [--follow]
//     --inbox   instead of the folder "inbox" beside this file
//     --once    one round, then the end; otherwise a look every 30 seconds
//     --follow  obey outside a compartment too. Do not: you would be running what strangers wrote to you.
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { kindOf, ordersIn } from './judge.mjs';
import { readMail } from './mail.mjs';
import { reportText, summaryText } from './report.mjs';

const LARGEST = 5 * 1024 * 1024;
const PAUSE = 30_000;

const { values: options } = parseArgs({
  options: { inbox: { type: 'string' }, once: { type: 'boolean' }, follow: { type: 'boolean' } },
});
const inbox = options.inbox ?? join(import.meta.dirname, 'inbox');
const obeys = options.follow === true || existsSync('/etc/bulkhead/README');

/** One line a letter; what stands here was done, so a restart goes on where the last run ended. */
const JOURNAL = 'letters.jsonl';

function done() {
  if (!existsSync(JOURNAL)) return [];
  const text = readFileSync(JOURNAL, 'utf8');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole !== text) writeFileSync(JOURNAL, whole); // a torn last line is a letter that was not finished
  return whole
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

function round() {
  let letters = done();
  const known = new Set(letters.map((letter) => letter.file));
  for (const file of readdirSync(inbox).sort()) {
    if (known.has(file) || file.startsWith('.')) continue;
    const about = statSync(join(inbox, file), { throwIfNoEntry: false });
    if (!about?.isFile() || about.size > LARGEST) continue;
    const letter = handle(file);
    appendFileSync(JOURNAL, `${JSON.stringify(letter)}\n`);
    letters = [...letters, letter];
    console.log(
      `${file} -> ${letter.kind}${letter.orders.length > 0 ? `, ${letter.orders.length} orders followed` : ''}`,
    );
  }
  writeFileSync('report.md', reportText(letters));
  writeFileSync('summary.txt', summaryText(letters));
}

function handle(file) {
  const mail = readMail(readFileSync(join(inbox, file)));
  const kind = kindOf(mail);
  mkdirSync(join('sorted', kind), { recursive: true });
  copyFileSync(join(inbox, file), join('sorted', kind, file));
  const { from, subject, attachments } = mail;
  return { file, kind, from, subject, attachments, orders: ordersIn(mail.text).map(follow) };
}

function follow(command) {
  if (!obeys) return { command, obeyed: false, worked: false, said: 'not followed: this is not a compartment' };
  const { status, signal, stderr, error } = spawnSync('sh', ['-c', command], { encoding: 'utf8', timeout: 15_000 });
  const last = (stderr ?? '').trim().split('\n').at(-1) ?? '';
  const said = error?.message ?? (last || (signal ? `ended by ${signal}` : `exit ${status}`));
  return { command, obeyed: true, worked: status === 0, said };
}

mkdirSync('sorted', { recursive: true });
console.log(`reading ${inbox}`);
round();
console.log('all letters of the first round are sorted: report.md');
if (!options.once) setInterval(round, PAUSE);
