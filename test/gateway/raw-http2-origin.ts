// A server of HTTP/2 over TLS that writes its frames by hand, so that it can say what no library sends. Each line on stdin is what it answers from
// then on; it says each frame of streams that it gets.
//   argv: address, port, key file, certificate file
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createServer } from 'node:tls';
import { DATA, fields, frame, HEADERS, PING, RST, serveFrames, WINDOW } from './http2-frames.ts';

const [address = '', port = '', key = '', cert = ''] = process.argv.slice(2);
const say = (event: object): void => void process.stdout.write(`${JSON.stringify(event)}\n`);

const TWICE = [['etag', '"a"'] as const, ['etag', '"b"'] as const];
const OK = fields([[':status', '200']]);

const ANSWERS: Readonly<Record<string, (id: number) => Buffer[]>> = {
  plain: (id) => [frame(HEADERS, 4, id, OK), frame(DATA, 1, id, Buffer.from('plain'))],
  'etag twice in trailers': (id) => [
    frame(HEADERS, 4, id, OK),
    frame(DATA, 0, id, Buffer.from('body')),
    frame(HEADERS, 5, id, fields(TWICE)),
  ],
  'etag twice in an interim answer': (id) => [
    frame(HEADERS, 4, id, fields([[':status', '103'], ...TWICE])),
    frame(HEADERS, 4, id, OK),
    frame(DATA, 1, id, Buffer.from('after')),
  ],
  'no error in the middle': (id) => [
    frame(HEADERS, 4, id, OK),
    frame(DATA, 0, id, Buffer.from('part')),
    frame(RST, 0, id, Buffer.alloc(4)),
  ],
  'an early word to each piece': (id) => [frame(HEADERS, 4, id, fields([[':status', '103']]))],
  continue: (id) => [
    frame(HEADERS, 4, id, fields([[':status', '100']])),
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
  serveFrames(socket, ({ type, flags, id, payload }) => {
    if (type === PING && (flags & 1) === 0) socket.write(frame(PING, 1, 0, payload));
    if (id === 0 || type === WINDOW) return;
    say({ type, id, end: type < 2 && (flags & 1) !== 0, ...(type === DATA && { data: payload.toString('latin1') }) });
    const early = (mode === 'continue' && type === HEADERS) || (mode.startsWith('an early') && type === DATA);
    if (type < 2 && ((flags & 1) !== 0 || early)) for (const one of ANSWERS[mode]?.(id) ?? []) socket.write(one);
  });
});
server.listen(Number(port), address, () => say({ ready: true }));
