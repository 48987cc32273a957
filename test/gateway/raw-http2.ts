import type { ReadWorld } from './read-world.ts';

/** One connection of HTTP/2 from inside, its frames written by hand: a library would not say these things.
 *  @param code  has `open()`, which gives a connection that has sent the preface, {send(...frames), frames, closed, wait(ms)}; `head(id, more,
 *  flags)`, the HEADERS of a request; `fields(list)` and `frame(type, flags, id, payload)`. What it prints as JSON is given back. */
export async function byHand<T>(world: ReadWorld<unknown>, code: string): Promise<T> {
  const { out, err } = await world.node(`${PRELUDE}\n${code}\nprocess.exit();`);
  if (err !== '') throw new Error(err);
  return JSON.parse(out.trim().split('\n').at(-1) ?? '') as T;
}

const PRELUDE = `
import tls from 'node:tls';
const frame = (type, flags, id, payload = Buffer.alloc(0)) => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3); head[3] = type; head[4] = flags; head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
};
const [DATA, HEADERS, RST, SETTINGS] = [0, 1, 3, 4];
const text = (one) => Buffer.concat([Buffer.from([one.length]), Buffer.from(one, 'latin1')]);
const fields = (list) => Buffer.concat(list.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
const named = (method, path) => [[':method', method], [':scheme', 'https'], [':authority', 'allow.test:9443'], [':path', path]];
const head = (id, [method, path, ...more], flags = 4) => frame(HEADERS, flags, id, fields([...named(method, path), ...more]));
const open = () => new Promise((resolve) => {
  const socket = tls.connect({ host: 'allow.test', port: 9443, servername: 'allow.test', ALPNProtocols: ['h2'] });
  const c = { frames: [], closed: false };
  c.wait = (ms, until = () => false) => new Promise((done) => {
    const end = Date.now() + ms;
    const look = () => (c.closed || until() || Date.now() > end ? done() : setTimeout(look, 10));
    look();
  });
  c.send = (...list) => { for (const one of list) socket.write(one); };
  /** What came of a stream: its frames but WINDOW_UPDATE, and of data the text. */
  c.of = (id) => c.frames.filter((one) => one.id === id && one.type !== 8);
  c.over = (id) => () => c.of(id).some(({ type, flags }) => type === RST || (type < 2 && (flags & 1) !== 0));
  c.data = (id) => c.of(id).filter(({ type }) => type === DATA).map(({ payload }) => payload.toString('latin1')).join('');
  c.reset = (id) => c.of(id).find(({ type }) => type === RST)?.payload.readUInt32BE(0);
  c.answers = (id) => c.of(id).filter(({ type }) => type === HEADERS).length;
  let held = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 9 && held.length >= 9 + held.readUIntBE(0, 3)) {
      const size = held.readUIntBE(0, 3);
      const one = { type: held[3], flags: held[4], id: held.readUInt32BE(5), payload: held.subarray(9, 9 + size) };
      held = held.subarray(9 + size);
      c.frames.push(one);
      if (one.type === SETTINGS && one.flags === 0) socket.write(frame(SETTINGS, 1, 0));
    }
  });
  socket.on('error', () => {}); socket.on('close', () => { c.closed = true; });
  socket.once('secureConnect', () => { c.send(Buffer.from('PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n'), frame(SETTINGS, 0, 0)); resolve(c); });
});
const print = (one) => console.log(JSON.stringify(one));
setTimeout(() => { console.error('late'); process.exit(); }, 60_000).unref();`;
