// A server of HTTP/2 over TLS that writes its frames by hand, so that it can say what no library sends. Each line on stdin is what it answers from
// then on; it says each frame of streams that it gets.
//   argv: address, port, key file, certificate file
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createServer } from 'node:tls';

const [address = '', port = '', key = '', cert = ''] = process.argv.slice(2);
const say = (event: object): void => void process.stdout.write(`${JSON.stringify(event)}\n`);

function frame(type: number, flags: number, id: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

/** Literals without indexing (RFC 7541, 6.2.2), not longer than 126 bytes. */
function fields(...list: readonly (readonly [string, string])[]): Buffer {
  const text = (one: string): Buffer => Buffer.concat([Buffer.from([one.length]), Buffer.from(one, 'latin1')]);
  return Buffer.concat(list.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

const [DATA, HEADERS, RST, SETTINGS, PING, WINDOW] = [0, 1, 3, 4, 6, 8];
const TWICE = [['etag', '"a"'] as const, ['etag', '"b"'] as const];
const OK = fields([':status', '200']);

const ANSWERS: Readonly<Record<string, (id: number) => Buffer[]>> = {
  plain: (id) => [frame(HEADERS, 4, id, OK), frame(DATA, 1, id, Buffer.from('plain'))],
  'etag twice in trailers': (id) => [
    frame(HEADERS, 4, id, OK),
    frame(DATA, 0, id, Buffer.from('body')),
    frame(HEADERS, 5, id, fields(...TWICE)),
  ],
  'etag twice in an interim answer': (id) => [
    frame(HEADERS, 4, id, fields([':status', '103'], ...TWICE)),
    frame(HEADERS, 4, id, OK),
    frame(DATA, 1, id, Buffer.from('after')),
  ],
  'no error in the middle': (id) => [
    frame(HEADERS, 4, id, OK),
    frame(DATA, 0, id, Buffer.from('part')),
    frame(RST, 0, id, Buffer.alloc(4)),
  ],
  continue: (id) => [
    frame(HEADERS, 4, id, fields([':status', '100'])),
    frame(HEADERS, 4, id, OK),
    frame(DATA, 1, id, Buffer.from('went on')),
  ],
};
let mode = 'plain';
createInterface({ input: process.stdin }).on('line', (line) => {
  mode = line;
  say({ mode });
});

const server = createServer({ key: readFileSync(key), cert: readFileSync(cert), ALPNProtocols: ['h2'] }, (socket) => {
  let held = Buffer.alloc(0);
  let greeted = false;
  socket.on('error', () => {});
  socket.write(frame(SETTINGS, 0, 0));
  socket.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    if (!greeted && held.length >= 24) {
      greeted = true;
      held = held.subarray(24);
    }
    while (greeted && held.length >= 9 && held.length >= 9 + held.readUIntBE(0, 3)) {
      const size = held.readUIntBE(0, 3);
      const [type, flags, id] = [held[3] ?? 0, held[4] ?? 0, held.readUInt32BE(5)];
      const payload = held.subarray(9, 9 + size);
      held = held.subarray(9 + size);
      if (type === SETTINGS && (flags & 1) === 0) socket.write(frame(SETTINGS, 1, 0));
      if (type === PING && (flags & 1) === 0) socket.write(frame(PING, 1, 0, payload));
      if (id === 0 || type === WINDOW) continue;
      say({ type, id, end: type < 2 && (flags & 1) !== 0, ...(type === DATA && { data: payload.toString('latin1') }) });
      const early = mode === 'continue' && type === HEADERS;
      if (type < 2 && ((flags & 1) !== 0 || early)) for (const one of ANSWERS[mode]?.(id) ?? []) socket.write(one);
    }
  });
});
server.listen(Number(port), address, () => say({ ready: true }));
