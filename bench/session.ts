import { closeSync, readSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { connectUnix } from '../src/host/net/unix-socket.ts';
import { encodeFrame, FrameReader } from '../src/wire/frames.ts';
import { receiveDescriptors } from '../src/wire/handover.ts';

interface Started {
  readonly link: number;
  readonly descriptors: readonly number[];
}

/** Asks the warden for a command in a running agent, and takes the ends of its pipes. */
function begin(path: string, agent: string, argv: readonly string[]): Started {
  const link = connectUnix(path);
  if (typeof link !== 'number') throw new Error(`the warden cannot be reached (${link.errno})`);
  writeSync(link, encodeFrame({ id: 1, do: 'command.run', agent, argv }));
  const reply = JSON.parse(readExactly(link, readExactly(link, 4).readUInt32BE(0)).toString('utf8'));
  if (reply.error) throw new Error(reply.error.message);
  return { link, descriptors: receiveDescriptors(link) };
}

/** What the command line does without its own start: connect, ask, take the descriptors, wait for the word that it ended.
 *  @returns milliseconds */
export function timedRun(path: string, agent: string, argv: readonly string[]): Promise<number> {
  const begun = performance.now();
  const { link, descriptors } = begin(path, agent, argv);
  const reader = new FrameReader();
  const control = new Socket({ fd: link });
  return new Promise((resolve, reject) => {
    control.once('error', reject);
    control.on('data', (chunk: Buffer) => {
      for (const frame of reader.push(chunk)) {
        const { exit } = frame as { exit?: number };
        if (exit === undefined) continue;
        const took = performance.now() - begun;
        for (const fd of descriptors) closeSync(fd);
        control.destroy();
        if (exit === 0) resolve(took);
        else reject(new Error(`${argv[0]} ended with ${exit}`));
      }
    });
  });
}

/** A command that runs on. @returns what hangs up on it */
export function connectedRun(path: string, agent: string, argv: readonly string[]): () => void {
  const { link, descriptors } = begin(path, agent, argv);
  return () => {
    for (const fd of [...descriptors, link]) closeSync(fd);
  };
}

function readExactly(fd: number, length: number): Buffer {
  const whole = Buffer.alloc(length);
  for (let at = 0, got = 1; at < length; at += got) {
    got = readSync(fd, whole, at, length - at, null);
    if (got === 0) throw new Error('the warden closed the connection');
  }
  return whole;
}
