/** The command line.
 *  Runs as: the operator, or root.  Holds: nothing.
 *  Trusts: the warden's and the ledger's answers, not the names and texts in them.
 *  Never: acts on the machine by itself; what must be done is asked of the warden. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { styleText } from 'node:util';
import { shownJson } from '../../policy/display.ts';
import type { Answer, Screen } from './call.ts';
import { tell } from './failing.ts';
import { parseLine } from './parse.ts';
import { TABLE } from './table.ts';

const argv = process.argv.slice(2);
const end = argv.indexOf('--');
const json = argv.slice(0, end < 0 ? argv.length : end).includes('--json');

const screen: Screen = {
  width: process.stdout.columns ?? 100,
  now: Date.now(),
  style: (format, text) => styleText(format, text, { stream: process.stdout }),
  write: (text) => void process.stdout.write(text),
};

// `bulkhead ledger tail | head`: whoever read has had enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

async function main(): Promise<number> {
  const line = parseLine(TABLE, argv);
  if (line.kind === 'version') return print(`bulkhead ${version()}`);
  if (line.kind === 'help') return print(line.text);
  const { run } = await line.entry.load();
  const { state } = line.options;
  const answer = await run({
    operands: line.operands,
    options: line.options,
    json,
    state: resolve(typeof state === 'string' ? state : process.env.BULKHEAD_STATE || '/var/lib/bulkhead'),
    screen,
  });
  return typeof answer === 'number' ? answer : give(answer);
}

function give(answer: Answer): number {
  print(json ? shownJson(answer.document, 2) : answer.text({ ...screen, now: Date.now() }));
  return answer.exit ?? 0;
}

function print(text: string): number {
  if (text !== '') process.stdout.write(`${text}\n`);
  return 0;
}

function version(): string {
  const read = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return read.version;
}

try {
  process.exitCode = await main();
} catch (error) {
  const told = tell(error, json, process.env.BULKHEAD_DEBUG === '1');
  process.stdout.write(told.stdout);
  process.stderr.write(told.stderr);
  process.exitCode = told.exit;
}
