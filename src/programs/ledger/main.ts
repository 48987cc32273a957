// runs as  bulkhead-ledger, without capabilities, in an empty network namespace
// holds    the signing key and the record
// trusts   the kernel's word on who is calling; the warden to say who may read
// never    reads anything but records, opens a network connection, or signs what is not on disk

import { closeSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { Failure } from '../../model/failure.ts';
import type { Peer } from '../../wire/peer.ts';
import { serve } from '../../wire/serve.ts';
import { Ledger } from './ledger.ts';
import { type Caller, requests } from './requests.ts';

const LIFELINE = 3;
const READY = 4;
/** Bytes; a longer request than any that is allowed costs the caller its connection. */
const LONGEST_FRAME = 16 * 1024 * 1024;

function report(line: string): void {
  process.stderr.write(`ledger: ${line}\n`);
}

/** A bug, or a disk that lies: end, and let the supervisor start a process that looks at what is really there. Replies that
 *  are already written get a moment to leave. */
function die(error: unknown): void {
  report(error instanceof Error ? (error.stack ?? error.message) : String(error));
  setTimeout(() => process.exit(1), 50);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      ...({ dir: { type: 'string' }, socket: { type: 'string' } } as const),
      ...({ 'gateway-uid': { type: 'string' }, 'warden-uid': { type: 'string', default: '0' } } as const),
    },
  });
  const gatewayUid = Number(values['gateway-uid'] ?? Number.NaN);
  const wardenUid = Number(values['warden-uid']);
  const numbers = Number.isSafeInteger(gatewayUid) && gatewayUid > 0 && Number.isSafeInteger(wardenUid);
  if (values.dir === undefined || values.socket === undefined || !numbers)
    throw new Failure(
      'usage',
      'usage: main.ts --dir DIR --socket PATH --gateway-uid N',
      'The warden starts this program.',
    );
  process.umask(0o077);
  const ledger = await Ledger.open(values.dir, { report, onBroken: die, onBug: die });
  const who = ({ uid }: Peer): Caller | undefined => {
    // Rootless, warden and gateway are one user, and cannot be told apart.
    if (uid === wardenUid) return 'warden';
    if (uid === gatewayUid) return 'gateway';
    return ledger.readers.has(uid) ? 'operator' : undefined;
  };
  const server = await serve<Caller>({
    path: values.socket,
    mode: 0o666,
    who,
    requests: requests(ledger),
    onClose: (connection) => ledger.followers.drop(connection),
    onBug: die,
    longestFrame: LONGEST_FRAME,
  });
  let ending = false;
  const end = (): void => {
    if (ending) return;
    ending = true;
    server.close();
    ledger.finish().then(() => process.exit(0), die);
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  const lifeline = new Socket({ fd: LIFELINE, readable: true, writable: false });
  lifeline.on('end', end).on('error', end).on('close', end).resume();
  writeSync(READY, 'ready\n');
  closeSync(READY);
}

main().catch((error: unknown) => {
  if (error instanceof Failure) report(`${error.message}\n${error.hint}`);
  else report(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exit(error instanceof Failure ? error.exit : 1);
});
