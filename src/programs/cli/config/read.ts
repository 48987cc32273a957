import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { userInfo } from 'node:os';
import { relative, resolve } from 'node:path';
import { Failure } from '../../../model/failure.ts';
import type { WantedFleet } from '../../../model/fleet.ts';
import { type Invoker, invokerOf } from './invoker.ts';
import { parseFleet } from './parse.ts';

/** Bytes of a fleet.yaml. */
export const LARGEST_FILE: number = 1024 * 1024;

/** Reads and understands a fleet.yaml.
 *  @param path  in messages it stands as seen from the working folder, if it lies in there
 *  @param invoker  who asks; by default whoever runs this program, or called sudo for it
 *  @throws Failure when the file is not there, not a plain file, too large, not UTF-8, or wrong in itself */
export function readFleet(path: string, invoker: Invoker = whoAsks()): WantedFleet {
  const source = resolve(path);
  const below = relative(process.cwd(), source);
  const file = below === '' || below.startsWith('..') ? source : below;
  return parseFleet(decode(readPlainFile(source, file), file), { source, file, ...invoker });
}

export function whoAsks(): Invoker {
  const { uid, username, homedir } = accountOrNone();
  return invokerOf({ uid, user: username, home: homedir }, process.env.SUDO_UID, () =>
    readFileSync('/etc/passwd', 'utf8'),
  );
}

/** A uid without an entry in the user database (a container, CI) has at most the home that its environment says. */
function accountOrNone(): { uid: number; username: string; homedir: string | undefined } {
  try {
    return userInfo();
  } catch {
    const uid = process.getuid?.() ?? 0;
    return { uid, username: `uid${uid}`, homedir: process.env.HOME };
  }
}

/** A pipe or device would make the reader wait for ever: opened without blocking, and refused. */
function readPlainFile(path: string, file: string): Buffer {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw notOpened(file, error as NodeJS.ErrnoException);
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile())
      throw new Failure('no-fleet-file', `${file} is not a file`, 'Name the fleet.yaml itself with -f FILE.', 2, file);
    if (stat.size > LARGEST_FILE) throw tooLarge(file);
    const held = Buffer.alloc(LARGEST_FILE + 1);
    let length = 0;
    for (let got = -1; got !== 0 && length <= LARGEST_FILE; length += got)
      got = readSync(fd, held, length, held.length - length, null);
    if (length > LARGEST_FILE) throw tooLarge(file);
    return held.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}

function tooLarge(file: string): Failure {
  return new Failure(
    'file-too-large',
    `${file} has more than ${LARGEST_FILE} bytes`,
    'A fleet.yaml is a few pages; look whether -f names the right file.',
    2,
    file,
  );
}

function notOpened(path: string, error: NodeJS.ErrnoException): Failure {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR')
    return new Failure(
      'no-fleet-file',
      `there is no ${path}`,
      'Name the file with -f FILE, or go to the folder it is in.',
      2,
      path,
    );
  if (error.code === 'EACCES')
    return new Failure(
      'no-fleet-file',
      `${path} may not be read`,
      `Its owner can allow it: chmod u+r ${path}`,
      2,
      path,
    );
  return new Failure(
    'no-fleet-file',
    `${path} cannot be opened (${error.code})`,
    'Name the file with -f FILE.',
    2,
    path,
  );
}

function decode(bytes: Buffer, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Failure(
      'not-utf8',
      `${path} is not UTF-8 text`,
      'Save it as UTF-8; a YAML file holds nothing else.',
      2,
      path,
    );
  }
}
