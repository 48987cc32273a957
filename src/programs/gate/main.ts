// The exec gate: judges every exec in a compartment, and puts what was approved in place of the stub that asked.
// Runs as   root in an empty network namespace, with CAP_SYS_PTRACE (to read arguments) and CAP_SYS_NICE, and no other.
// Holds     the exec listeners of all agents, copies of the programs that may be asked for.
// Trusts    the kernel, the warden (descriptor 3); nothing that an agent's memory says but what it asks for.
// Never     is the parent of an agent; opens a file that an agent names; lets an exec go on unrecorded.
import { constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { memoryFile } from '../../host/gate/gate-ground.ts';
import { eventfd, write } from '../../host/gate/libc-gate.ts';
import { Client } from '../../wire/client.ts';
import { Control } from './control.ts';
import { Copies } from './copies.ts';
import type { FromHot, ToHot } from './messages.ts';
import { Shipping } from './ship.ts';
import { TIMES_BYTES, TIMES_FILE } from './times.ts';

const CONTROL = 3;
const DESCRIPTORS = 4;
const LAUNCHERS = 5;
const FLIGHT = 6;
const EFD_CLOEXEC = 0o2000000;

const { values } = parseArgs({
  options: { ledger: { type: 'string' }, dir: { type: 'string' }, pins: { type: 'string' } },
});
if (values.ledger === undefined || values.dir === undefined || values.pins === undefined) {
  console.error(
    'gate: --ledger SOCKET, --dir DIR and --pins DIR are needed\nThe warden starts this program; see: bulkhead up --help',
  );
  process.exit(2);
}
process.umask(0o077);

const wake = eventfd(0, EFD_CLOEXEC);
const one: Buffer = Buffer.alloc(8);
one.writeBigUInt64LE(1n, 0);
const { port1: port, port2 } = new MessageChannel();
const say = (message: ToHot): void => {
  port.postMessage(message);
  write(wake, one, 8);
};

const running = openSync(`${values.dir}/running`, constants.O_RDWR | constants.O_CREAT, 0o600);
const shipping = new Shipping(values.dir, values.ledger, say);
const hot = new Worker(new URL('./hot.ts', import.meta.url), {
  workerData: {
    ...{ port: port2, wake, launchers: LAUNCHERS, flight: FLIGHT, running, times: memoryFile(TIMES_FILE, TIMES_BYTES) },
    ...{ journal: shipping.given },
  },
  transferList: [port2],
  trackUnmanagedFds: false, // descriptors pass between the threads
});
const end = (why: Error): void => {
  console.error(`gate: ${why.stack}`);
  process.exit(70);
};
const sync = new Worker(new URL('./sync.ts', import.meta.url), {
  workerData: { fds: shipping.given.fds, shared: shipping.given.shared },
});
for (const thread of [hot, sync]) {
  thread.on('error', end);
  thread.on('exit', (status) => end(new Error(`a thread ended with ${status}`)));
}

const warden = new Client(new Socket({ fd: CONTROL }));
warden.onEnd = () => process.exit(0);
const control = new Control(
  warden,
  DESCRIPTORS,
  new Copies(values.pins, values.dir, (record) => say({ do: 'record', record })),
  say,
);
port.on('message', (message) => control.heard(message as FromHot));
shipping.begin().catch(end);
