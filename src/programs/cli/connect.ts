import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { Failure } from '../../model/failure.ts';
import { type Client, dial } from '../../wire/client.ts';

/** Asks the warden for as long as `use` runs.
 *  @param so  what follows from a warden that does not run: `nothing is known of any wall`
 *  @throws Failure `warden-not-running`, exit 3; `not-permitted`, exit 1; and what the warden says */
export function withWarden<T>(state: string, so: string, use: (warden: Client) => Promise<T>): Promise<T> {
  const hint = 'Start it: bulkhead up -f fleet.yaml';
  const missing = existsSync(join(state, 'format'))
    ? new Failure('warden-not-running', `The warden is not running, so ${so}.`, hint, 3)
    : new Failure('no-fleet', `There is no fleet in ${state}, so ${so}.`, hint, 3);
  return connected('warden', join(state, 'run/warden.sock'), missing, use);
}

/** @throws Failure `ledger-not-running`, exit 3; `not-permitted`, exit 1; and what the ledger says */
export function withLedger<T>(state: string, so: string, use: (ledger: Client) => Promise<T>): Promise<T> {
  const missing = new Failure(
    'ledger-not-running',
    `The ledger is not running, so ${so}.`,
    'bulkhead status shows what runs, bulkhead logs ledger why it ended.',
    3,
  );
  return connected('ledger', join(state, 'run/ledger/ledger.sock'), missing, use);
}

async function connected<T>(
  program: string,
  path: string,
  missing: Failure,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  let client: Client;
  try {
    client = await dial(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTDIR') throw missing;
    if (code === 'EACCES' || code === 'EPERM')
      throw new Failure('needs-root', `${path} may not be opened by ${me()}`, 'Run it as root: sudo bulkhead ...', 3);
    throw error;
  }
  let ended = false;
  client.onEnd = () => {
    ended = true;
  };
  try {
    return await use(client);
  } catch (error) {
    if (error instanceof Failure || !ended) throw error;
    throw cutOff(program);
  } finally {
    client.socket.destroy();
  }
}

/** The programs cut off whoever they do not know, without a word; to root that means that they ended. */
function cutOff(program: string): Failure {
  if (process.getuid?.() === 0)
    return new Failure(
      `${program}-ended`,
      `The ${program} ended while it was asked`,
      `The reason is in: bulkhead logs ${program}`,
      3,
    );
  return new Failure(
    'not-permitted',
    `The ${program} does not answer ${me()}, who is no operator of this fleet`,
    'Name the user under operators: in fleet.yaml, or run it as root.',
    1,
  );
}

function me(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.()}`; // a uid without an entry in the user database
  }
}
