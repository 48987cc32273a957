/** One TLS client: node tls-client.ts JOB, where JOB is JSON (see `Job`). Says `ready`, waits for a line, does its job, and answers
 *  with one line of JSON. The server's certificate is the bench's own and not looked at. */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type TLSSocket } from 'node:tls';

export interface Job {
  readonly host: string;
  /** Where TCP goes: the server itself, an address that stands for it, or a proxy. */
  readonly to: { readonly address: string; readonly port: number };
  /** Ask the proxy by CONNECT first. */
  readonly connect: boolean;
  readonly what: 'connections' | 'steady' | 'fresh' | 'kept' | 'bulk' | 'open';
  /** Seconds for `connections`, `steady` (on connections that stay) and `open` (which keeps answers that do not end), else requests, or MiB
   *  for `bulk`. */
  readonly amount: number;
  readonly atOnce: number;
}

export interface Done {
  /** Requests, and seconds they took all together. */
  readonly requests: number;
  readonly seconds: number;
  /** Milliseconds of each, for `fresh` and `kept`; MB/s for `bulk`. */
  readonly samples: readonly number[];
}

const job = JSON.parse(process.argv[2] ?? '') as Job;
// One for all, as a client of TLS keeps it. Sessions are not resumed: each connection is one of a program just started.
const secureContext = createSecureContext();
const OK = Buffer.from('HTTP/1.1 200 ');
process.stdout.write('ready\n');
await once(process.stdin, 'data');
const begun = performance.now();
const done = await { connections, steady, fresh, kept, bulk, open: held }[job.what]();
process.stdout.write(`${JSON.stringify({ ...done, seconds: (performance.now() - begun) / 1000 })}\n`);
process.exit(0);

type Part = Omit<Done, 'seconds'>;

async function connections(): Promise<Part> {
  let requests = 0;
  const end = performance.now() + 1000 * job.amount;
  const worker = async (): Promise<void> => {
    for (; performance.now() < end; requests++) (await request(await open(), 200)).destroy();
  };
  await Promise.all(Array.from({ length: job.atOnce }, worker));
  return { requests, samples: [] };
}

async function steady(): Promise<Part> {
  let requests = 0;
  const end = performance.now() + 1000 * job.amount;
  const worker = async (): Promise<void> => {
    for (const socket = await open(); performance.now() < end; requests++) await request(socket, 200);
  };
  await Promise.all(Array.from({ length: job.atOnce }, worker));
  return { requests, samples: [] };
}

/** Streams of events, say: each has had its first bytes, and goes on. */
async function held(): Promise<Part> {
  for (let i = 0; i < job.atOnce; i++) {
    const socket = await open();
    socket.write(`GET /open HTTP/1.1\r\nhost: ${job.host}\r\n\r\n`);
    await once(socket, 'data');
  }
  await new Promise((resolve) => setTimeout(resolve, 1000 * job.amount));
  return { requests: job.atOnce, samples: [] };
}

async function fresh(): Promise<Part> {
  const samples: number[] = [];
  for (let i = 0; i < job.amount; i++) {
    const from = performance.now();
    (await request(await open(), 200)).destroy();
    samples.push(performance.now() - from);
  }
  return { requests: job.amount, samples };
}

async function kept(): Promise<Part> {
  const samples: number[] = [];
  const socket = await open();
  for (let i = 0; i < job.amount; i++) {
    const from = performance.now();
    await request(socket, 200);
    samples.push(performance.now() - from);
  }
  return { requests: job.amount, samples };
}

async function bulk(): Promise<Part> {
  const socket = await open();
  const from = performance.now();
  await request(socket, job.amount << 20);
  return { requests: 1, samples: [(job.amount << 20) / 1e3 / (performance.now() - from)] };
}

async function open(): Promise<TLSSocket> {
  const tcp = connectTcp({ host: job.to.address, port: job.to.port, noDelay: true });
  await settled(tcp, 'connect');
  if (job.connect) {
    tcp.write(`CONNECT ${job.host}:443 HTTP/1.1\r\nhost: ${job.host}:443\r\n\r\n`);
    const [head] = (await settled(tcp, 'data')) as [Buffer];
    tcp.pause();
    if (!/^HTTP\/1\.[01] 200 /.test(head.toString('latin1'))) throw new Error(head.toString('latin1').split('\r\n')[0]);
  }
  const socket = connectTls({ socket: tcp, servername: job.host, rejectUnauthorized: false, secureContext });
  await settled(socket, 'secureConnect');
  return socket;
}

/** @returns when so many bytes of body have come
 *  @throws Error for an answer that is not 200: a refusal is quick, and no figure */
function request<S extends TLSSocket>(socket: S, size: number): Promise<S> {
  return new Promise((resolve, reject) => {
    let [got, head] = [0, -1];
    const take = (chunk: Buffer): void => {
      if (got === 0 && !/^HTTP\/1\.1 200 /.test(chunk.toString('latin1', 0, 13))) {
        cut(`it was answered ${chunk.toString('latin1').split('\r\n')[0]}`);
        return;
      }
      got += chunk.length;
      if (head < 0) {
        if (!chunk.subarray(0, 13).equals(OK)) return void cut(`the answer is ${chunk.subarray(9, 12)}, not 200`);
        head = chunk.indexOf('\r\n\r\n') + 4;
      }
      if (got < head + size) return;
      socket.off('data', take);
      socket.off('close', closed);
      resolve(socket);
    };
    const cut = (why: string): void => reject(new Error(why));
    const closed = (): void => cut('the connection was cut');
    socket.on('data', take);
    socket.once('close', closed);
    socket.write(`GET /${size} HTTP/1.1\r\nhost: ${job.host}\r\n\r\n`);
  });
}

function settled(socket: Socket, event: string): Promise<unknown[]> {
  const late = setTimeout(() => socket.destroy(new Error(`no ${event} within 20 s`)), 20_000);
  return once(socket, event).finally(() => clearTimeout(late));
}
