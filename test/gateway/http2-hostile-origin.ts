// A server of HTTP/2 over TLS, written by hand, that does to whoever asks what it was told to do.
//   argv: address, port, key file, certificate file
import { readFileSync } from 'node:fs';
import { createServer, type TLSSocket } from 'node:tls';
import {
  CONTINUATION,
  DATA,
  field,
  fields,
  frame,
  GOAWAY,
  HEADERS,
  more,
  PING,
  PUSH,
  RST,
  SETTINGS,
  serveFrames,
  text,
  u32,
  WINDOW,
} from './http2-frames.ts';

const [address = '', port = '', key = '', cert = ''] = process.argv.slice(2);
const say = (event: object): void => void process.stdout.write(`${JSON.stringify(event)}\n`);

const OK = field(':status', '200');

interface Asked {
  readonly id: number;
  readonly write: (...frames: readonly Buffer[]) => void;
  /** Again and again until the connection ends, no faster than it is taken; of each `say`s at the end how many. */
  readonly flood: (make: (turn: number) => Buffer, most?: number) => void;
  readonly socket: TLSSocket;
}

/** After a good answer, so that nobody waits. */
const answered = (id: number): Buffer =>
  Buffer.concat([frame(HEADERS, 4, id, OK), frame(DATA, 1, id, Buffer.from('fine'))]);

const DEEDS: Readonly<Record<string, (asked: Asked) => void>> = {
  '/fine': ({ id, write }) => write(answered(id)),
  '/hpack-bomb': ({ id, write }) => {
    const bomb = Buffer.concat([
      OK,
      Buffer.from([0x40]),
      text('x-bomb'),
      text('b'.repeat(3900)),
      Buffer.alloc(12_000, 0xbe),
    ]);
    write(frame(HEADERS, 4, id, bomb), frame(DATA, 1, id, Buffer.from('bomb')));
  },
  '/large-head': ({ id, write }) => {
    write(frame(HEADERS, 0, id, Buffer.concat([OK, field('x-0', 'y'.repeat(15_000))])));
    for (let i = 1; i < 60; i++) write(frame(CONTINUATION, i === 59 ? 4 : 0, id, field(`x-${i}`, 'y'.repeat(15_000))));
    write(frame(DATA, 1, id));
  },
  '/many-fields': ({ id, write }) =>
    write(
      frame(
        HEADERS,
        5,
        id,
        Buffer.concat([OK, ...Array.from({ length: 2000 }, (_, i) => field(`x${i}`, ''))]).subarray(0, 16_000),
      ),
    ),
  '/continuations': ({ id, write, flood }) => {
    write(frame(HEADERS, 0, id, OK));
    flood((turn) => frame(CONTINUATION, 0, id, field(`x-${turn}`, 'y'.repeat(1000))));
  },
  '/empty-continuations': ({ id, write, flood }) => {
    write(frame(HEADERS, 0, id, OK));
    flood(() => frame(CONTINUATION, 0, id));
  },
  '/push': ({ id, write }) => {
    const pushed = fields([
      [':method', 'GET'],
      [':scheme', 'https'],
      [':authority', 'allow.test:9443'],
      [':path', '/pushed'],
    ]);
    write(frame(PUSH, 4, id, Buffer.concat([u32(2), pushed])), frame(HEADERS, 5, 2, OK), answered(id));
  },
  '/resets': ({ id, write, flood }) => {
    write(frame(HEADERS, 4, id, OK));
    flood((turn) => frame(RST, 0, turn === 0 ? id : 1, u32(8)));
  },
  '/resets-of-idle': ({ flood }) => flood((turn) => frame(RST, 0, 2 * turn + 2, u32(8))),
  '/settings': ({ flood }) =>
    flood((turn) => frame(SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, 4]), u32(65_535 + (turn % 100))]))),
  '/acknowledgements': ({ flood }) => flood(() => frame(SETTINGS, 1, 0)),
  '/pings': ({ flood }) => flood(() => frame(PING, 0, 0, Buffer.alloc(8))),
  '/pongs': ({ flood }) => flood(() => frame(PING, 1, 0, Buffer.alloc(8))),
  '/unknown-frames': ({ flood }) => flood(() => frame(0xbb, 0xff, 0, Buffer.alloc(100))),
  '/empty-data': ({ id, write, flood }) => {
    write(frame(HEADERS, 4, id, OK));
    flood(() => frame(DATA, 0, id));
  },
  '/padded-data': ({ id, write }) => {
    const padded = Buffer.concat([Buffer.from([255]), Buffer.alloc(256)]);
    write(
      frame(HEADERS, 4, id, OK),
      ...Array.from({ length: 3000 }, (_, i) => frame(DATA, i === 2999 ? 9 : 8, id, padded)),
    );
  },
  '/pings-unread': ({ socket, flood }) => {
    socket.pause();
    flood(() => frame(PING, 0, 0, Buffer.alloc(8)));
  },
  '/settings-unread': ({ socket, flood }) => {
    socket.pause();
    flood(() => frame(SETTINGS, 0, 0));
  },
  '/interim': ({ id, flood }) =>
    flood(() =>
      frame(
        HEADERS,
        4,
        id,
        fields([
          [':status', '103'],
          ['link', `<${'x'.repeat(500)}>`],
        ]),
      ),
    ),
  '/window-zero': ({ id, write }) => write(frame(WINDOW, 0, id, u32(0)), answered(id)),
  '/window-huge': ({ id, write }) =>
    write(...Array.from({ length: 3 }, () => frame(WINDOW, 0, 0, u32(0x7fff_ffff))), answered(id)),
  '/window-of-stream': ({ id, write }) =>
    write(...Array.from({ length: 3 }, () => frame(WINDOW, 0, id, u32(0x7fff_ffff))), answered(id)),
  '/initial-window': ({ id, write }) =>
    write(frame(SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, 4]), u32(0xffff_ffff)])), answered(id)),
  '/frame-size': ({ id, write }) =>
    write(frame(SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, 5]), u32(1)])), answered(id)),
  '/no-streams': ({ id, write }) =>
    write(frame(SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, 3]), u32(0)])), answered(id)),
  // 64 MiB although a stream's window is a quarter of one
  '/beyond-window': ({ id, write, flood }) => {
    write(frame(HEADERS, 4, id, OK));
    flood(() => frame(DATA, 0, id, Buffer.alloc(16_384, 'z')), 4096);
  },
  '/large-frame': ({ id, write }) => write(frame(HEADERS, 4, id, OK), frame(DATA, 1, id, Buffer.alloc(1 << 20))),
  '/crlf': ({ id, write }) => write(frame(HEADERS, 5, id, Buffer.concat([OK, field('x-odd', 'a\r\nx-evil: b')]))),
  '/nul': ({ id, write }) => write(frame(HEADERS, 5, id, Buffer.concat([OK, field('x-odd', 'a\0b')]))),
  '/space-in-name': ({ id, write }) => write(frame(HEADERS, 5, id, Buffer.concat([OK, field('x odd', 'a')]))),
  '/upper': ({ id, write }) => write(frame(HEADERS, 5, id, Buffer.concat([OK, field('X-Odd', 'a')]))),
  '/connection': ({ id, write }) =>
    write(
      frame(
        HEADERS,
        5,
        id,
        fields([
          [':status', '200'],
          ['connection', 'close'],
          ['transfer-encoding', 'chunked'],
        ]),
      ),
    ),
  '/no-status': ({ id, write }) => write(frame(HEADERS, 5, id, field('x', 'y'))),
  '/odd-status': ({ id, write }) => write(frame(HEADERS, 5, id, field(':status', '2000'))),
  '/zero-status': ({ id, write }) => write(frame(HEADERS, 5, id, field(':status', '000'))),
  '/two-status': ({ id, write }) => write(frame(HEADERS, 5, id, Buffer.concat([OK, field(':status', '201')]))),
  '/switching': ({ id, write }) => write(frame(HEADERS, 4, id, field(':status', '101')), answered(id)),
  '/late-status': ({ id, write }) => write(frame(HEADERS, 5, id, Buffer.concat([field('x', 'y'), OK]))),
  '/request-fields': ({ id, write }) =>
    write(frame(HEADERS, 5, id, Buffer.concat([OK, field(':path', '/x'), field(':method', 'GET')]))),
  '/pseudo-trailers': ({ id, write }) =>
    write(
      frame(HEADERS, 4, id, OK),
      frame(DATA, 0, id, Buffer.from('body')),
      frame(HEADERS, 5, id, field(':status', '500')),
    ),
  '/crlf-trailers': ({ id, write }) =>
    write(
      frame(HEADERS, 4, id, OK),
      frame(DATA, 0, id, Buffer.from('body')),
      frame(HEADERS, 5, id, field('x-odd', 'a\r\nx-evil: b')),
    ),
  '/open-trailers': ({ id, write }) =>
    write(
      frame(HEADERS, 4, id, OK),
      frame(DATA, 0, id, Buffer.from('body')),
      frame(HEADERS, 4, id, field('x', 'y')),
      frame(DATA, 1, id, Buffer.from('more')),
    ),
  '/short': ({ id, write }) =>
    write(
      frame(HEADERS, 4, id, Buffer.concat([OK, field('content-length', '10')])),
      frame(DATA, 1, id, Buffer.from('short')),
    ),
  '/long': ({ id, write }) =>
    write(
      frame(HEADERS, 4, id, Buffer.concat([OK, field('content-length', '2')])),
      frame(DATA, 1, id, Buffer.from('longer')),
    ),
  '/goaway-first': ({ id, write }) => write(frame(GOAWAY, 0, 0, Buffer.concat([u32(0), u32(0)])), answered(id)),
  '/goaway-growing': ({ id, write }) =>
    write(
      frame(GOAWAY, 0, 0, Buffer.concat([u32(1), u32(0)])),
      frame(GOAWAY, 0, 0, Buffer.concat([u32(0x7fff_ffff), u32(0)])),
      answered(id),
    ),
  '/goaways': ({ flood }) =>
    flood((turn) => frame(GOAWAY, 0, 0, Buffer.concat([u32(0x7fff_ffff), u32(turn), Buffer.alloc(8000)]))),
  '/goaway-error': ({ write }) =>
    write(frame(GOAWAY, 0, 0, Buffer.concat([u32(0x7fff_ffff), u32(11), Buffer.from('calm')]))),
  '/data-first': ({ id, write }) => write(frame(DATA, 1, id, Buffer.from('no head'))),
  '/of-another': ({ id, write }) => write(frame(HEADERS, 5, id + 100, OK)),
  '/of-none': ({ write }) => write(frame(HEADERS, 5, 0, OK)),
  '/garbage': ({ write }) => write(Buffer.alloc(5000, 255)),
  '/bad-hpack': ({ id, write }) => write(frame(HEADERS, 5, id, Buffer.alloc(30, 255))),
  '/table-update': ({ id, write }) =>
    write(frame(HEADERS, 5, id, Buffer.concat([Buffer.from([0x3f, ...more(1 << 30)]), OK]))),
  '/http1': ({ socket }) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'),
  '/half': ({ id, write, socket }) => {
    write(frame(HEADERS, 4, id, OK), frame(DATA, 0, id, Buffer.from('half')).subarray(0, 11));
    setTimeout(() => socket.end(), 100);
  },
};

/** What is done to the next requests, told on standard input: the paths are in the client's HPACK. */
const deeds: string[] = [];
const server = createServer({ key: readFileSync(key), cert: readFileSync(cert), ALPNProtocols: ['h2'] }, (socket) => {
  const write = (...frames: readonly Buffer[]): void => void (socket.writable && socket.write(Buffer.concat(frames)));
  const flood =
    (path: string) =>
    (make: (turn: number) => Buffer, most: number = Number.POSITIVE_INFINITY): void => {
      let turn = 0;
      const late = Date.now() + 2500;
      const go = (): void => {
        if (!socket.writable || turn >= most || Date.now() > late) {
          say({ flooded: path, frames: turn, ended: !socket.writable });
          if (socket.writable && most === Number.POSITIVE_INFINITY) socket.destroy(); // so that nobody waits for more
          return;
        }
        const many: Buffer[] = [];
        for (let i = 0; i < 100 && turn < most; i++) many.push(make(turn++));
        if (socket.write(Buffer.concat(many))) setImmediate(go);
        else {
          const on = (): void => {
            socket.off('drain', on).off('close', on);
            clearTimeout(timer);
            go();
          };
          const timer = setTimeout(on, 1000);
          socket.once('drain', on).once('close', on);
        }
      };
      go();
    };
  serveFrames(socket, ({ type, id }) => {
    if (type !== HEADERS) return;
    say({ asked: id });
    const deed = deeds.shift() ?? '/fine';
    (DEEDS[deed] ?? DEEDS['/fine'])?.({ id, write, flood: flood(deed), socket });
  });
});
process.stdin.on('data', (text) => {
  deeds.push(...String(text).trim().split('\n'));
  say({ told: deeds.length });
});
server.listen(Number(port), address, () => {
  say({ deeds: Object.keys(DEEDS) });
  say({ ready: true });
});
