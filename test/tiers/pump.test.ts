import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import type { Architecture } from '../../src/tiers/filter/filter.ts';
import { type Instruction, line, TEXTS } from '../../src/tiers/stub/instruction.ts';
import { stubFile } from '../../src/tiers/stub/stub.ts';

/** The part of the stub that passes bytes for a command outside, started at once on descriptor 3. With PUMP_AARCH64 naming an
 *  emulator (qemu-aarch64-static) the other architecture's is run as well. */
const START: Readonly<Record<Architecture, readonly Instruction[]>> = {
  x86_64: [
    line('41be03000000', 'mov r14d, 3'),
    line('e900000000', 'jmp pump', undefined, { form: 'rel32', to: 'pump' }),
  ],
  aarch64: [line('76008052', 'mov w22, #3'), line('00000014', 'b pump', undefined, { form: 'imm26', to: 'pump' })],
};
const HERE: Architecture = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
const EMULATOR = process.env.PUMP_AARCH64;
const RUNS: readonly (readonly [Architecture, readonly string[]])[] = [
  [HERE, []],
  ...(EMULATOR ? [['aarch64', [EMULATOR]] as const] : []),
];

const folder = mkdtempSync(join(tmpdir(), 'bh-pump-'));
after(() => removeTree(folder));

interface Pump {
  readonly child: ChildProcess;
  readonly socket: Socket;
  readonly out: () => string;
  readonly err: () => string;
  readonly came: () => Buffer;
  readonly ended: Promise<number | string | null>;
}

function start(arch: Architecture, before: readonly string[]): Pump {
  const file = join(folder, arch);
  writeFileSync(file, stubFile(arch, START[arch]));
  chmodSync(file, 0o755);
  const child = spawn(before[0] ?? file, [...before.slice(1), ...(before.length > 0 ? [file] : [])], {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  });
  const socket = child.stdio[3] as Socket;
  socket.allowHalfOpen = true; // the end of its input is not the end of the command
  const got = { out: '', err: '', came: [] as Buffer[] };
  child.stdout?.on('data', (chunk) => {
    got.out += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    got.err += chunk;
  });
  socket.on('data', (chunk) => got.came.push(chunk));
  socket.on('error', () => {});
  child.stdin?.on('error', () => {});
  const ended = once(child, 'close').then(([status, signal]) => status ?? signal);
  return { child, socket, out: () => got.out, err: () => got.err, came: () => Buffer.concat(got.came), ended };
}

function frame(kind: number, body: string | number): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body) : Buffer.alloc(0);
  const head = Buffer.from([kind, typeof body === 'number' ? body : 0, bytes.length & 255, bytes.length >> 8]);
  return Buffer.concat([head, bytes]);
}

for (const [arch, before] of RUNS) {
  test(`the ${arch} stub writes what comes to where it belongs, and ends with the status it is given`, async () => {
    const pump = start(arch, before);
    pump.socket.end(Buffer.concat([frame(1, 'one '), frame(2, 'oops'), frame(1, 'two'), frame(0, 7)]));
    assert.deepEqual([await pump.ended, pump.out(), pump.err()], [7, 'one two', 'oops']);
  });

  test(`the ${arch} stub passes a megabyte of input on, unchanged, and its end`, async () => {
    const pump = start(arch, before);
    const input = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => (i * 31 + (i >> 8)) & 255));
    const ended = once(pump.socket, 'end');
    pump.child.stdin?.end(input);
    await ended;
    assert.ok(pump.came().equals(input));
    pump.socket.end(frame(0, 0));
    assert.equal(await pump.ended, 0);
  });

  test(`the ${arch} stub takes output while its input is not read`, async () => {
    const pump = start(arch, before);
    pump.socket.pause();
    pump.child.stdin?.write(Buffer.alloc(4 << 20, 'x'));
    const line = 'y'.repeat(4096);
    for (let i = 0; i < 500; i++) pump.socket.write(frame(1, line));
    while (pump.out().length < 500 * 4096) await once(pump.child.stdout as Socket, 'data');
    pump.socket.end(frame(0, 3));
    pump.socket.resume();
    assert.equal(await pump.ended, 3);
    assert.equal(pump.out(), line.repeat(500));
  });

  test(`the ${arch} stub says so when the command is lost, and a frame that is none loses it`, async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from([1, 0]), Buffer.from([1, 0, 255, 255, 65]), frame(1, '')]) {
      const pump = start(arch, before);
      pump.socket.end(bytes);
      assert.deepEqual([await pump.ended, pump.out(), pump.err()], [126, '', TEXTS.unknown], bytes.toString('hex'));
    }
  });
}
