/** The command line.
 *  Runs as: the operator, or root.  Holds: nothing.
 *  Trusts: the warden's and the ledger's answers, not the names and texts in them.
 *  Never: keeps running after its answer; what lasts is the warden's. */
import { styleText } from 'node:util';
import { perform } from './perform.ts';

// `bulkhead ledger tail | head`: whoever read has had enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const told = await perform(process.argv.slice(2), process.env, {
  width: process.stdout.columns ?? 100,
  now: Date.now(),
  style: (format, text) => styleText(format, text, { stream: process.stdout }),
  write: (text) => void process.stdout.write(text),
});
process.stdout.write(told.stdout);
process.stderr.write(told.stderr);
process.exitCode = told.exit;
