import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { FUZZ } from '../protocol/seed.ts';
import { ReadWorld, VALUE } from './read-world.ts';

// Malformed requests by the thousand, on connections that carry a secret, to a server with another parser than ours (Node's). Whatever it makes
// out must be a request that the gateway judged, and no other.

interface Said {
  readonly method?: string;
  readonly url?: string;
  readonly auth?: string;
  readonly host?: string;
  readonly body?: string;
  readonly whole?: boolean;
  readonly unreadable?: string;
}
const MANY = process.env.BULKHEAD_LONG ? 100_000 : 300;
const world = new ReadWorld<Said>();
before(() => world.begin('node-origin.ts', { in: ['bearer'], paths: ['/echo'] }));
after(() => world.stop());

/** Inside: each from a seed, over a connection of its own, 24 at once. */
const CLIENT = `
import tls from 'node:tls';
const { seed, many, stand } = JSON.parse(process.argv[1]);
let state = seed;
const random = (n) => { // mulberry32
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % n;
};
const HOST = 'Host: allow.test:9443\\r\\n';
const auth = 'Authorization: Bearer ' + stand + '\\r\\n';
const second = 'GET /smuggled HTTP/1.1\\r\\n' + HOST + auth + '\\r\\n';
const bases = [
  'POST /echo HTTP/1.1\\r\\n' + HOST + auth + 'Content-Length: 5\\r\\n\\r\\nhello' + second,
  'POST /echo HTTP/1.1\\r\\n' + HOST + auth + 'Transfer-Encoding: chunked\\r\\n\\r\\n5;a=b\\r\\nhello\\r\\n0\\r\\nX-T: y\\r\\n\\r\\n' + second,
  'GET /echo?x=1 HTTP/1.1\\r\\n' + HOST + 'X-A: b\\r\\n' + auth + '\\r\\n' + second,
  'POST /echo HTTP/1.1\\r\\n' + HOST + 'Content-Length: ' + second.length + '\\r\\n\\r\\n' + second + second,
];
const odd = ['\\r', '\\n', '\\r\\n', '\\n\\n', '\\0', ' ', '\\t', '\\v', ':', ';', ',', '%2e', '/../', '\\xe9', '\\x85', '0', '-1', '+5', '0x5', '1e1', '5, 5',
  'Content-Length: 0\\r\\n', 'Content-Length: 6\\r\\n', 'content-length : 3\\r\\n', 'Transfer-Encoding: chunked\\r\\n', 'Transfer-Encoding: identity\\r\\n',
  'Transfer-Encoding: gzip, chunked\\r\\n', 'Transfer-Encoding:\\x0bchunked\\r\\n', ' Transfer-Encoding: chunked\\r\\n', 'Connection: content-length\\r\\n',
  'Connection: close, host\\r\\n', 'Host: deny.test\\r\\n', 'X: y\\r\\n z\\r\\n', '\\r\\n\\r\\n', '0\\r\\n\\r\\n', 'GET http://deny.test/ HTTP/1.1\\r\\n', ' HTTP/1.1', ' HTTP/1.0', 'Upgrade: websocket\\r\\n',
  'Expect: 100-continue\\r\\n', 'ffffffffffffffff\\r\\n'];
const lines = odd.filter((one) => one.endsWith('\\r\\n') && one.includes(':'));
const mutilated = () => {
  let text = bases[random(bases.length)];
  for (let cuts = 1 + random(3); cuts > 0; cuts--) {
    const ends = [...text.matchAll(/\\r\\n/g)];
    if (ends.length > 0 && random(2)) { // a line between lines
      const at = ends[random(Math.min(ends.length, 5))].index + 2;
      text = text.slice(0, at) + lines[random(lines.length)] + text.slice(at);
      continue;
    }
    const at = random(text.length);
    text = text.slice(0, at) + (random(4) ? odd[random(odd.length)] : '') + text.slice(at + (random(2) ? 0 : random(14)));
  }
  return text;
};
let left = many;
let statuses = 0;
const worker = async () => {
  while (left-- > 0) {
    const text = mutilated();
    await new Promise((resolve) => {
      const socket = tls.connect({ host: 'allow.test', port: 9443, servername: 'allow.test', ALPNProtocols: ['http/1.1'] });
      const timer = setTimeout(() => socket.destroy(), 5000);
      socket.on('error', () => {});
      socket.on('data', (chunk) => { statuses += chunk.toString('latin1').split('HTTP/1.1 ').length - 1; });
      socket.on('end', () => socket.end());
      socket.on('close', () => { clearTimeout(timer); resolve(); });
      socket.once('secureConnect', () => socket.end(Buffer.from(text, 'latin1')));
    });
  }
};
await Promise.all(Array.from({ length: 24 }, worker));
console.log(statuses);`;

test(`${MANY} malformed requests (seed ${FUZZ.seed}): none smuggled, none elsewhere, no crash, memory bounded`, async () => {
  const input = JSON.stringify({ seed: FUZZ.seed, many: MANY, stand: world.stand });
  const trust = `NODE_EXTRA_CA_CERTS=${world.authority}`;
  const run = ['env', trust, process.execPath, '--input-type=module', '-e', CLIENT, input];
  const { out, err } = await world.run('coder', run);
  assert.equal(err, '');
  assert.ok(Number(out) > MANY / 2, `most were answered: ${out}`);
  await new Promise((resolve) => setTimeout(resolve, 500)); // the last entries and words
  assert.equal(world.gateway.exitCode, null);
  assert.deepEqual(
    world.said.filter(({ unreadable }) => unreadable),
    [],
    'all that the gateway forwards can be read',
  );
  const judged = new Map<string, number>();
  for (const { event, method, path } of world.entries)
    if (event === 'egress.request' || event === 'secret.used')
      judged.set(`${method} ${path}`, (judged.get(`${method} ${path}`) ?? 0) + 1);
  assert.ok(world.said.length > MANY / 50, `${world.said.length} were requests after all`);
  for (const { method, url, auth, host, body } of world.said) {
    const key = `${method} ${url?.replace(/[?#].*$/s, '').slice(0, 300)}`;
    const left = (judged.get(key) ?? 0) - 1;
    assert.ok(left >= 0, `${key} reached the server and was never judged`);
    judged.set(key, left);
    assert.equal(host, 'allow.test:9443');
    if (auth?.includes(VALUE)) assert.match(`${auth} ${url}`, new RegExp(`^Bearer ${VALUE} /echo(?:\\?|$)`));
    assert.ok(!body?.includes(VALUE) && !body?.includes(world.stand));
  }
  assert.equal(world.events('egress.allowed').filter(({ host }) => host !== 'allow.test').length, 0);
  const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${world.gateway.pid}/status`, 'utf8'))?.[1]) / 1024;
  assert.ok(rss < 300, `${rss.toFixed()} MB`);
});
