import { createReadStream, createWriteStream, readSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { passThrough, resizeTerminal } from '../../host/launch/terminal.ts';
import { ioctl } from '../../host/libc.ts';
import { connectUnix } from '../../host/net/unix-socket.ts';
import { Failure, type FailureDocument, failureDocument } from '../../model/failure.ts';
import { agentName } from '../../model/names.ts';
import { placesOf } from '../../plan/places.ts';
import { encodeFrame, FrameReader } from '../../wire/frames.ts';
import { receiveDescriptors } from '../../wire/handover.ts';
import { twoLines } from './failing.ts';

/** How long output may still come after the command has ended, from something it left behind. */
const LINGER_MS = 250;
const OWN_FAILURE = 125;

/** Runs a command in a compartment with our standard streams, or, on a terminal, on a terminal of the compartment's own.
 *  The warden hands us the other ends of its pipes; what flows there it never sees.
 *  @returns the exit status */
export async function attach(state: string, agent: string, argv: readonly string[]): Promise<number> {
  const terminal = process.stdin.isTTY && process.stdout.isTTY ? { ...windowSize(), term: termName() } : undefined;
  const link = connectWarden(state);
  writeSync(link, encodeFrame({ id: 1, do: 'command.run', agent: agentName(agent), argv, terminal }));
  const reply = readReply(link);
  if (reply.error) throw new Failure(reply.error.code, reply.error.message, reply.error.hint, 1);
  const descriptors = receiveDescriptors(link);
  const control = new Socket({ fd: link });
  const exit = exitOf(control);
  return terminal ? onTerminal(descriptors, control, exit) : onPipes(descriptors, control, exit);
}

/** Our own failure must not look like the command's: two lines, and the status that no command of an agent's is given. */
export async function ownFailure(running: Promise<number>): Promise<number> {
  try {
    return await running;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    process.stderr.write(`${twoLines(failureDocument(error))}\n`);
    return OWN_FAILURE;
  }
}

async function onPipes(descriptors: readonly number[], control: Socket, exit: Promise<number>): Promise<number> {
  const [input = -1, output = -1, errors = -1] = descriptors;
  const stdin = new Socket({ fd: input, readable: false, writable: true });
  stdin.on('error', () => process.stdin.unpipe(stdin)); // the command does not read (any more)
  process.stdin.pipe(stdin);
  const ends = [
    { fd: output, from: new Socket({ fd: output, readable: true, writable: false }), to: process.stdout },
    { fd: errors, from: new Socket({ fd: errors, readable: true, writable: false }), to: process.stderr },
  ];
  for (const { from, to } of ends) from.pipe(to, { end: false });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const)
    process.on(signal, () => control.write(encodeFrame({ do: 'command.signal', signal })));
  const status = await exit;
  await Promise.all(ends.map(drained));
  for (const stream of [stdin, ...ends.map(({ from }) => from)]) stream.destroy();
  process.stdin.destroy();
  return status;
}

async function onTerminal(descriptors: readonly number[], control: Socket, exit: Promise<number>): Promise<number> {
  const [master = -1] = descriptors;
  const output = createReadStream('', { fd: master, autoClose: false });
  output.on('error', () => {}); // EIO: nobody holds the other side of the terminal any more
  output.pipe(process.stdout, { end: false });
  // Not written at once: a program that does not read its terminal must not keep us from showing what it says.
  const input = createWriteStream('', { fd: master, autoClose: false });
  input.on('error', () => {}); // EIO as well
  process.stdin.setRawMode(true);
  passThrough(process.stdin.fd);
  process.stdin.pipe(input, { end: false });
  process.stdout.on('resize', () => resizeTerminal(master, windowSize()));
  control.once('close', () => process.stdin.setRawMode(false));
  const status = await exit;
  await drained({ fd: master, from: output });
  process.stdin.setRawMode(false);
  process.stdin.destroy();
  output.destroy();
  return status;
}

/** Resolves when all is out that was in a pipe (or terminal) when its command ended. What the command left behind may hold the
 *  pipe for as long as it likes: once it is empty, the command's own output has been read. */
async function drained({ fd, from }: { readonly fd: number; readonly from: Readable }): Promise<void> {
  const begun = performance.now();
  const isEmpty = (): boolean => from.readableLength === 0 && bytesIn(fd) === 0;
  while (!from.closed && !from.readableEnded && !from.errored && (performance.now() - begun < LINGER_MS || !isEmpty()))
    await new Promise((resolve) => setTimeout(resolve, 5));
}

const FIONREAD = 0x541b; // ioctl_tty(2), pipe(7)

function bytesIn(fd: number): number {
  const count = Buffer.alloc(4);
  return ioctl(fd, FIONREAD, count) < 0 ? 0 : count.readInt32LE(0);
}

/** The status the warden reports; our own failure when it goes away first. */
function exitOf(control: Socket): Promise<number> {
  const reader = new FrameReader();
  return new Promise((resolve) => {
    control.on('data', (chunk: Buffer) => {
      for (const frame of reader.push(chunk)) {
        const { exit } = frame as { exit?: number };
        if (exit === undefined) continue;
        control.end();
        resolve(exit);
      }
    });
    control.once('error', () => resolve(OWN_FAILURE));
    control.once('close', () => resolve(OWN_FAILURE));
  });
}

function connectWarden(state: string): number {
  const path = placesOf(state).wardenSocket;
  const link = connectUnix(path);
  if (typeof link === 'number') return link;
  throw new Failure(
    'warden-not-running',
    `The warden cannot be reached (${link.errno}), so nothing can be started.`,
    'Start it: bulkhead up -f fleet.yaml',
    3,
  );
}

function readReply(link: number): { error?: FailureDocument } {
  const length = readExactly(link, 4).readUInt32BE(0);
  return JSON.parse(readExactly(link, length).toString('utf8')) as { error?: FailureDocument };
}

function readExactly(fd: number, length: number): Buffer {
  const whole = Buffer.alloc(length);
  for (let at = 0; at < length; ) {
    const got = readSync(fd, whole, at, length - at, null);
    if (got === 0)
      throw new Failure(
        'not-permitted',
        'The warden closed the connection.',
        process.getuid?.() === 0
          ? 'It ended while it was asked; why: bulkhead logs warden'
          : 'Operators are listed in fleet.yaml; root may always.',
        1,
      );
    at += got;
  }
  return whole;
}

function windowSize(): { rows: number; columns: number } {
  return { rows: process.stdout.rows ?? 24, columns: process.stdout.columns ?? 80 };
}

function termName(): string {
  return /^[\w.+-]{1,64}$/.test(process.env.TERM ?? '') ? (process.env.TERM as string) : 'xterm';
}
