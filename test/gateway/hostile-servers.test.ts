import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FUZZ } from '../protocol/seed.ts';
import { type Answers, type Sent, sendAll } from './hostile-client.ts';
import { MARKER, malformed, random } from './hostile-corpus.ts';
import { FAR, FRONTS, type Front, Fronts, type Seen, versions } from './hostile-fronts.ts';
import { World } from './world.ts';

// What nginx, haproxy, squid and Node make of what the gateway forwards, when what came to it was malformed: every request that any of them sees
// was judged, and none is another one in disguise. Each of the others stands in front of a server of Node's, as servers do, so that what one
// lets pass is read once more.

const MANY = process.env.BULKHEAD_LONG ? 100_000 : 1_500;
const AGENTS = process.env.BULKHEAD_LONG ? ['one', 'two', 'three'] : ['one'];
const LOOSE = '203.0.113.11';
const world = new World();
let fronts: Fronts;

before(async () => {
  await world.start({ 'allow.test': FAR, 'loose.test': LOOSE });
  fronts = await new Fronts(world).start(world);
  const egress = FRONTS.flatMap(({ read, plain }) => [
    { host: 'allow.test', port: read, paths: ['/echo', '/echo/**'] },
    { host: 'allow.test', port: plain },
  ]);
  await world.policy(Object.fromEntries(AGENTS.map((name) => [name, egress])));
  for (const name of AGENTS) await world.agent(name);
});
after(() => world.stop());

/** To each server in turn: mostly where requests are read, sometimes where one passes, or by the explicit proxy. */
function* requests(seed: number, many: number): Generator<Sent & { readonly kind: string }> {
  const r = random(seed);
  for (let i = 0; i < many; i++) {
    const front = fronts.there[i % fronts.there.length] as (typeof FRONTS)[number];
    const port = r(4) === 0 ? front.plain : front.read;
    const host = `allow.test:${port}`;
    const one = malformed(r, host);
    // Where policy does not look at paths, the marker may be a second request's and no first one's.
    const apart =
      port === front.plain && ['paths', 'Host'].includes(one.kind) ? one.text.replaceAll(MARKER, '/other') : one.text;
    yield r(8) === 0
      ? { kind: one.kind, port: 3128, text: apart.replace(/^([A-Z]+) (\/\S*)/, `$1 http://${host}$2`) }
      : { kind: one.kind, text: apart, port };
  }
}

const megabytes = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${world.gateway.pid}/status`, 'utf8'))?.[1]) / 1024;

async function quiet(): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 200))) {
    const { agents } = (await world.warden.call('status')) as { agents: { open: number }[] };
    if (agents.every(({ open }) => open === 0)) break;
  }
  for (let last = -1, now = 0; now !== last; now = world.entries.length + fronts.seen().length) {
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 700)); // the last words of servers and the last counts of the record
  }
}

/** How many of the record's entries there are of requests that went on, by port and what they say. */
function judged(of: (method: string, path: string) => string): Map<string, number> {
  const all = new Map<string, number>();
  for (const { event, port, method, path } of world.entries)
    if (event === 'egress.request' || (event === 'egress.allowed' && method !== undefined))
      bump(all, `${port} ${of(String(method), String(path))}`);
  return all;
}

function bump(all: Map<string, number>, key: string): void {
  all.set(key, (all.get(key) ?? 0) + 1);
}

/** A path as servers may read it that are less strict than most: with percent signs undone once or twice, backslashes, parameters, dots. */
function readings(path: string): string[] {
  const target = path.replace(/^http:\/\/[^/]*/, '');
  return [target.replace(/[?#].*$/s, ''), target.replace(/\?.*$/s, '')].flatMap((whole) =>
    [whole, undone(whole), undone(undone(whole))].flatMap((one) => {
      const slashes = one.replaceAll('\\', '/').replace(/\0.*$/s, '');
      return [slashes, slashes.replace(/;[^/]*/g, '')].map((each) => posix.normalize(each).replace(/^\/+/, '/'));
    }),
  );
}

function undone(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
}

const pathOf = (path: string): string => path.replace(/[?#].*$/s, '').slice(0, 300) || '/';

test(`${MANY} malformed requests (seed ${FUZZ.seed}): what the servers behind see was judged, each of it, and nothing else`, async () => {
  console.log(`servers: ${versions(fronts.there)}`);
  const missing = FRONTS.filter((one) => !fronts.there.includes(one)).map(({ name }) => name);
  if (missing.length > 0)
    console.log(`not installed, so not asked: ${missing.join(', ')} (setup/os-packages install long)`);
  const began = performance.now();
  const run = (name: string, seed: number, many: number): Promise<Answers> =>
    sendAll((args) => world.background(name, [process.execPath, ...args]), 'allow.test', requests(seed, many));
  await run('one', FUZZ.seed - 1, 200); // warm
  const before_ = megabytes();
  const memory: number[] = [];
  const watching = setInterval(() => {
    if (world.gateway.exitCode === null) memory.push(megabytes());
  }, 1000);
  const each = Math.ceil(MANY / AGENTS.length);
  const answers = await Promise.all(AGENTS.map((name, i) => run(name, FUZZ.seed + i, each)));
  clearInterval(watching);
  assert.equal(world.gateway.exitCode, null);
  await quiet();
  const after_ = megabytes();
  const seen = fronts.seen();
  report(answers, seen, before_, after_, performance.now() - began);
  assert.equal(world.gateway.exitCode, null);
  assert.deepEqual(fronts.ended(), []);
  // Whatever a server leaves unread, or never ends, no connection stays for it: an agent has only so many.
  const open = (): number => world.events('egress.allowed').length - world.events('egress.closed').length;
  for (const end = Date.now() + 15_000; open() > MANY / 20 && Date.now() < end; ) await quiet();
  assert.ok(open() <= MANY / 20, `${open()} connections did not end`);
  assert.ok(answers.reduce((sum, { sent }) => sum + sent, 0) >= MANY * 0.99, 'they were sent');

  const ports = new Map(
    FRONTS.flatMap((one) => [one.read, one.plain].map((port): [string, Front] => [`allow.test:${port}`, one])),
  );
  const understood = seen.filter(({ status, method }) => status !== 400 && method !== 'NONE');
  for (const one of understood) {
    const front = ports.get(one.host);
    assert.ok(
      front && [one.host.split(':')[1], String(front.back)].includes(String(one.port)),
      `${JSON.stringify(one)} is where it belongs`,
    );
    const read = one.host.endsWith(`:${front.read}`);
    const all = read ? [one.path, one.normal ?? one.path].flatMap(readings) : [pathOf(one.path)];
    assert.ok(!all.includes(MARKER), `${JSON.stringify(one)} is what policy refuses`);
  }
  const [exactly, byPort] = [judged((method, path) => `${method} ${path}`), judged(() => '')];
  const counted = new Map<string, number>();
  for (const { server, method, path, host } of understood.filter((one) => ['node', 'nginx'].includes(one.server))) {
    const [port, plain] = [host.split(':')[1], `${host.split(':')[1]} ${method} undefined`];
    const key = `${port} ${method} ${pathOf(path)}`;
    bump(counted, `${server} ${key}`);
    const most = (exactly.get(key) ?? 0) + (exactly.get(plain) ?? 0);
    assert.ok(
      (counted.get(`${server} ${key}`) ?? 0) <= most,
      `${server}: ${key} was seen more often than the ${most} times that it was judged`,
    );
  }
  for (const front of fronts.there)
    for (const port of [front.read, front.plain]) {
      const most = byPort.get(`${port} `) ?? 0;
      assert.ok(most > MANY / 500, `${front.name} was asked something: ${most}`);
      // What is not HTTP passes as it is where policy allows it; then no server may take it for HTTP either.
      const other = world
        .events('egress.allowed')
        .filter((one) => one.port === port && !one.method && !one.read).length;
      const [good, all] = [understood, seen].map((list) => list.filter((one) => one.port === port).length) as [
        number,
        number,
      ];
      assert.ok(
        good <= most && all <= most + other,
        `${front.name} saw ${all}, understood ${good} at ${port}, judged were ${most}, other ${other}`,
      );
      const behind = understood.filter((one) => one.port === front.back && one.host === `allow.test:${port}`).length;
      assert.ok(behind <= most, `behind ${front.name} ${behind} were seen, judged were ${most}`);
    }
  assert.deepEqual(
    [...new Set(world.events('egress.allowed').map(({ host }) => host))],
    ['allow.test'],
    'no other destination',
  );
  // A heap grows to a size that it then keeps: after the first half nothing is added to that.
  const [first, second] = [memory.slice(0, memory.length / 2), memory.slice(memory.length / 2)];
  console.log(
    `at most ${Math.max(...first).toFixed()} MB in the first half of the time, ${Math.max(...second).toFixed()} MB in the second`,
  );
  if (process.env.BULKHEAD_LONG)
    assert.ok(Math.max(...second) < Math.max(...first) + 64 && after_ < 400, `it grew to ${after_.toFixed()} MB`);
  else assert.ok(after_ - before_ < 64, `the gateway grew from ${before_.toFixed()} to ${after_.toFixed()} MB`);
});

test('the same requests through a proxy that reads more loosely do smuggle: they are worth sending', async () => {
  const program = fileURLToPath(new URL('loose-proxy.ts', import.meta.url));
  const ports = fronts.there.map(({ read }) => read);
  const proxy = world.outsideBackground([process.execPath, program, LOOSE, FAR, MARKER, ...ports.map(String)]);
  proxy.stderr?.pipe(process.stderr);
  await new Promise<void>((resolve, reject) => {
    proxy.once('close', () => reject(new Error('the loose proxy ended')));
    proxy.stdout?.once('data', () => resolve());
  });
  const before_ = fronts.seen();
  const all = [...requests(FUZZ.seed, 1500)].filter(({ port }) => ports.includes(port));
  await sendAll((args) => world.outsideBackground([process.execPath, ...args]), 'loose.test', all);
  await quiet();
  const known = new Map<string, number>();
  for (const { server } of before_) bump(known, server);
  const smuggled = new Map<string, number>();
  const sofar = new Map<string, number>();
  for (const one of fronts.seen()) {
    bump(sofar, one.server);
    if ((sofar.get(one.server) ?? 0) <= (known.get(one.server) ?? 0) || one.status === 400) continue;
    if ([one.path, one.normal ?? one.path].flatMap(readings).includes(MARKER)) bump(smuggled, one.server);
  }
  console.log(
    `smuggled past the loose proxy, of ${all.length}: ${[...smuggled].map((one) => one.join(' ')).join(', ')}`,
  );
  assert.ok(smuggled.size > 0, 'nothing was smuggled');
});

function report(answers: readonly Answers[], seen: readonly Seen[], before_: number, after_: number, ms: number): void {
  const sum = (of: (one: Answers) => number): number => answers.reduce((all, one) => all + of(one), 0);
  const refused = world.events('egress.denied').reduce((all, { count }) => all + Number(count ?? 1), 0);
  const forwarded = [...judged(() => '').values()].reduce((all, one) => all + one, 0);
  const servers = [...new Set(seen.map(({ server }) => server))].map((server) => {
    const its = seen.filter((one) => one.server === server);
    return `${server} ${its.length} (${its.filter(({ status }) => status === 400).length} with 400)`;
  });
  console.log(
    `sent ${sum(({ sent }) => sent)} in ${(ms / 1000).toFixed()} s; forwarded ${forwarded}, refused ${refused}; seen: ${servers.join(', ')}; ` +
      `the gateway had ${before_.toFixed()} MB and has ${after_.toFixed()} MB`,
  );
}
