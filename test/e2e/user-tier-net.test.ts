import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { observeCgroups, unifiedFolder } from '../../src/host/cgroup/cgroup-roots.ts';
import { releaseFromLoopback } from '../../src/host/cgroup/loopback-only.ts';
import { endProcess, signalProcess } from '../../src/host/processes/processes.ts';
import { wardenProcesses } from '../../src/host/processes/warden-processes.ts';
import { numbersOf } from '../../src/tiers/host-net.ts';
import { HOST4, HOST6, type HostNet, run, WORLD4, WORLD6, withHostNet } from './host-net.ts';
import { NOT_ROOT, type Stand, withFleet } from './stand.ts';

const text = (name: string): string => readFileSync(fileURLToPath(new URL(name, import.meta.url)), 'utf8');
const WAYS = text('ways.pl');
const SERVER = text('outside.pl');

/** Steps that put back what holds an agent in the host's network. */
const HOLDS = /packet filter|dead end/;
const DEAD_END_GONE = /~ dead end: uid \d+ .*routing \(IPv4\), routing \(IPv6\), the hold on its cgroup/;

/** `ann` may reach one port of the world, and one service of the host by name. */
const FLEET = `
agents:
  ann:
    tier: user
    exec: { ask: never }
    egress: [{ host: world.test, port: 80, address: ${WORLD4} }, { host: db.test, port: 5432, address: 127.0.0.1 }]
    ports: [7070]
    limits: { disk: 64M }
  ben:
    tier: user
    exec: { ask: never }
    limits: { disk: 64M }
`;

/** @returns what came of each way, tried as the agent */
async function tried(stand: Stand, agent: string, ways: readonly string[]): Promise<Map<string, string>> {
  const { stdout, stderr } = await stand.run(agent, ['perl', '-e', WAYS, ...ways]);
  const found = outcomes(stdout);
  assert.equal(found.size, ways.length, `every way was tried: ${stdout}${stderr}`);
  return found;
}

function outcomes(stdout: string): Map<string, string> {
  const lines = stdout.split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]));
}

/** The same by somebody else: of the host (any uid), or of the world. */
function triedBy(prefix: readonly string[], ways: readonly string[]): Map<string, string> {
  return outcomes(run(...prefix, 'perl', '-e', WAYS, ...ways));
}

const stranger = (net: HostNet): string[] => [
  ...net.inside,
  'setpriv',
  '--reuid',
  '48990',
  '--regid',
  '48990',
  '--clear-groups',
];

/** Ways to everywhere in the world, by every protocol and every trick with the source. */
const outward = ({ link }: HostNet): string[] => [
  ...['tcp', 'udp', 'icmp', 'mptcp', 'sctp', 'raw'].flatMap((kind) => [`${kind},${WORLD4},9`, `${kind},${WORLD6},9`]),
  ...[`tcp,${WORLD4},53`, `tcp,${WORLD4},80`, `tcp,${WORLD6},80`, 'tcp,203.0.113.2,80', 'tcp,2001:db8:1::2,80'],
  ...['tcp', 'udp'].flatMap((kind) => [
    ...[`${kind},${WORLD4},80,from=${HOST4}`, `${kind},${WORLD6},80,from=${HOST6}`],
    ...[`${kind},${WORLD4},80,from=127.0.0.1`, `${kind},${WORLD6},80,from=::1`],
    ...[`${kind},${WORLD4},80,dev=${link}`, `${kind},${WORLD6},80,dev=${link}`, `${kind},203.0.113.2,80,dev=${link}`],
  ]),
  ...[`udp,224.0.0.9,9,from=${HOST4}`, `udp,255.255.255.255,9,from=${HOST4}`, `udp,203.0.113.255,9,from=${HOST4}`],
  ...['udp,224.0.0.9,9', 'udp,255.255.255.255,9', `udp,255.255.255.255,9,dev=${link}`, `udp,ff02::1,9,dev=${link}`],
  `udp,239.1.2.3,9,from=${HOST4},join=239.65.66.67`,
];

function reaches(found: ReadonlyMap<string, string>, word: string): string[] {
  return [...found].filter(([, came]) => came === word).map(([way]) => way);
}

/** A server of somebody's, until the test ends. */
async function serving(started: ChildProcess): Promise<ChildProcess> {
  let said = '';
  started.stdout?.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
  started.stderr?.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
  for (const late = Date.now() + 60_000; !said.includes('ready\n'); await sleep(20))
    assert.ok(Date.now() < late && started.exitCode === null, `a server does not stand: ${said}`);
  return started;
}

/** Ways that are answered with a word. One waits less than half a second for its answer (ways.pl), and a busy machine may hold whoever answers up
 *  for longer: until as many as there should be were answered, those that were not are tried again. */
async function answered(
  word: string,
  ways: readonly string[],
  wanted: number,
  attempt: (ways: readonly string[]) => Promise<Map<string, string>> | Map<string, string>,
): Promise<string[]> {
  const found = new Set<string>();
  for (let n = 0; n < 10 && found.size < wanted; n++)
    for (const way of reaches(await attempt(ways.filter((way) => !found.has(way))), word)) found.add(way);
  return [...found];
}

test('tier user: an agent in the host network', { skip: NOT_ROOT }, async (t) => {
  await withHostNet(async (net) => {
    await withFleet(
      FLEET,
      async (stand) => {
        const servers: ChildProcess[] = [];
        const ofHost = async (word: string, ports: readonly number[]): Promise<void> => {
          const [program = '', ...words] = [...stranger(net), 'perl', '-e', SERVER, word, ...ports.map(String)];
          servers.push(await serving(spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] })));
        };
        const ofAgent = async (agent: string, ports: readonly number[]): Promise<void> => {
          servers.push(
            await serving(stand.start(['run', agent, '--', 'perl', '-e', SERVER, agent, ...ports.map(String)]).child),
          );
        };
        try {
          await ofHost('host', [5432, 6000]);
          await ofAgent('ann', [7070, 7071]);
          await ofAgent('ben', [7080]);
          await attacks(t, stand, net);
        } finally {
          for (const server of servers) server.kill('SIGKILL');
        }
      },
      { inside: net.inside },
    );
  });
});

async function attacks(t: TestContext, stand: Stand, net: HostNet): Promise<void> {
  const status = async (): Promise<Record<string, { level: string; missing?: string[] }>> => {
    const { agents } = (await stand.bulkhead(['status', '--probe', '--json'])).json;
    const walls = agents.find(({ name }: { name: string }) => name === 'ann').walls;
    return Object.fromEntries(walls.map((wall: { wall: string }) => [wall.wall, wall]));
  };
  const uid = Number(run('id', '-u', `bh-${stand.fleet}-ann`));
  const LOOPBACK = 'services on the loopback of the host are behind the packet filter alone';

  /** A round of probes may put it back before anybody has planned: then it is taken away once more. */
  const planned = async (takeAway: () => void, step: RegExp): Promise<void> => {
    let plan = '';
    for (let n = 0; n < 4 && !step.test(plan); n++) {
      takeAway();
      plan = (await stand.bulkhead(['plan'])).stdout;
    }
    assert.match(plan, step);
  };

  const { table } = numbersOf(uid);
  const cgroup = unifiedFolder(observeCgroups(), `bulkhead/${stand.fleet}/ann`) ?? '';
  const noFilter = (): void => void run(...net.inside, 'nft', 'flush', 'ruleset');
  const noHold = (): void => releaseFromLoopback(cgroup);
  const noRouting = (): void => {
    const rule = ['rule', 'del', 'pref', '0', 'uidrange', `${uid}-${uid}`];
    for (const family of ['-4', '-6'])
      for (const what of [['lookup', `${table}`], ['unreachable']])
        if (run(...net.inside, 'ip', family, 'rule').includes(`${uid}-${uid} ${what.join(' ')}`))
          run(...net.inside, 'ip', family, ...rule, ...what);
  };
  /** The same for a round that somebody asks for. */
  const seen = async (takeAway: () => void, words: RegExp): Promise<void> => {
    let missing = '';
    for (let n = 0; n < 4 && !words.test(missing); n++) {
      takeAway();
      missing = JSON.stringify((await status()).network);
    }
    assert.match(missing, words);
  };

  await t.test('what was granted is reached by name, and nothing else was sent', async () => {
    await net.arrived();
    const { stdout } = await stand.run('ann', ['curl', '-sS', '-m', '30', 'http://world.test/']);
    assert.equal(stdout, 'world\n');
    const arrived = await net.arrived();
    assert.ok(arrived.length > 0);
    // From the host's own address, by the gateway, to port 80 there: addresses and ports of every IPv4 packet.
    for (const packet of arrived) assert.match(packet, /^.{24}080045.{22}cb007101c6336409.{4}0050/);
    const { stdout: second } = await stand.run('ben', ['curl', '-sS', '-m', '5', 'http://world.test/']);
    assert.equal(second, '');
  });

  await t.test('the network wall is partial for one reason only', async () => {
    assert.deepEqual((await status()).network?.missing, [LOOPBACK]);
  });

  await t.test('no other way leads out, by any protocol, family, source or link', async () => {
    await net.arrived();
    for (const agent of ['ann', 'ben']) {
      const found = await tried(stand, agent, outward(net));
      assert.deepEqual(reaches(found, 'world'), [], JSON.stringify([...found]));
    }
    assert.deepEqual(await net.arrived(), []);
    // The same by somebody who is no agent, so that the ways are known to lead somewhere.
    const free = triedBy(stranger(net), outward(net));
    assert.ok(reaches(free, 'world').length >= 10, JSON.stringify([...free]));
    assert.ok((await net.arrived()).length > 10);
  });

  await t.test('services of the host are reached by a grant alone, on loopback and at its own addresses', async () => {
    const ways = ['127.0.0.1', '127.0.0.53', '::1', HOST4, HOST6].flatMap((at) =>
      [5432, 6000].flatMap((port) => [`tcp,${at},${port}`, `udp,${at},${port}`]),
    );
    const found = await tried(stand, 'ann', ways);
    assert.deepEqual(reaches(found, 'host'), [], JSON.stringify([...found]));
    // Answers of a socket at all addresses do not come from 127.0.0.53: two of the ways lead nobody there.
    const lead = ways.length - 2;
    assert.equal((await answered('host', ways, lead, (some) => triedBy(stranger(net), some))).length, lead);
    const granted = await stand.run('ann', ['curl', '-sS', '-m', '30', 'http://db.test:5432/']);
    assert.equal(granted.stdout, 'host\n');
    const others = await stand.run('ben', ['curl', '-sS', '-m', '5', 'http://db.test:5432/']);
    assert.equal(others.stdout, '');
  });

  await t.test('an agent has its own loopback, and no other agent and nobody of the host is on it', async () => {
    const ways = ['127.0.0.1', '::1'].flatMap((at) => [`tcp,${at},7071`, `udp,${at},7071`]);
    const own = await answered('ann', ways, ways.length, (some) => tried(stand, 'ann', some));
    assert.equal(own.length, ways.length);
    assert.deepEqual(reaches(await tried(stand, 'ben', ways), 'ann'), []);
    assert.deepEqual(reaches(triedBy(stranger(net), ways), 'ann'), []);
    assert.deepEqual(reaches(triedBy(net.inside, ways), 'ann'), []);
  });

  await t.test('a published port is open to the host and to no agent', async () => {
    const ways = ['tcp,127.0.0.1,7070'];
    assert.deepEqual(await answered('ann', ways, 1, (some) => triedBy(stranger(net), some)), ways);
    assert.deepEqual(reaches(await tried(stand, 'ben', ways), 'ann'), []);
    assert.deepEqual(reaches(triedBy(stranger(net), [`tcp,${HOST4},7070`]), 'ann'), []);
  });

  await t.test("the gateway of one agent is nobody else's", async () => {
    const door = numbersOf(uid);
    const ways = [`tcp,${door.address4},1001`, `udp,${door.address4},1001`, `tcp,${door.address6},1001`];
    const own = await tried(stand, 'ann', ways);
    assert.match(own.get(ways[0] ?? '') ?? '', /no connection/);
    const strangers = triedBy(stranger(net), ways);
    assert.match(strangers.get(ways[0] ?? '') ?? '', /no connection/);
    for (const found of [await tried(stand, 'ben', ways), strangers])
      for (const [way, came] of found) assert.match(came, /no connection|nothing|not sent|^denied/, way);
    const names = triedBy(stranger(net), [`tcp,127.0.0.1,7071,from=${door.address4}`]);
    assert.match([...names.values()][0] ?? '', /no connection/);
    // As the warden does when the gateway asks for a connection to a port of the agent: to its own sockets, and no others.
    const dialled = [7071, 6000, 7080].map((port) => `tcp,127.0.0.1,${port},from=${door.address4}`);
    const [open, ...closed] = dialled;
    assert.deepEqual(await answered('ann', dialled, 1, (some) => triedBy(net.inside, some)), [open]);
    for (const came of triedBy(net.inside, closed).values()) assert.match(came, /^no connection/);
  });

  await t.test('what an agent listens on is not reached from the world', async () => {
    const ways = [HOST4, HOST6].flatMap((at) =>
      [7070, 7071].flatMap((port) => [`tcp,${at},${port}`, `udp,${at},${port}`]),
    );
    assert.deepEqual(reaches(triedBy(net.outside, ways), 'ann'), []);
    const open = [`tcp,${HOST4},6000`, `udp,${HOST6},6000`];
    assert.equal((await answered('host', open, 2, (some) => triedBy(net.outside, some))).length, 2);
  });

  await t.test(
    'somebody flushes the packet filter: the agent is cut off from every other machine, and it is mended',
    async () => {
      await net.arrived();
      run(...net.inside, 'nft', 'flush', 'ruleset');
      const found = await tried(stand, 'ann', outward(net));
      assert.deepEqual(await net.arrived(), []);
      assert.deepEqual(reaches(found, 'world'), []);
      await planned(noFilter, /[~+] packet filter bulkhead_/);
      await seen(noFilter, /packet filter bulkhead_/);
      assert.deepEqual((await status()).network?.missing, [LOOPBACK]);
      assert.doesNotMatch((await stand.bulkhead(['plan'])).stdout, HOLDS);
      assert.equal((await stand.run('ann', ['curl', '-sS', '-m', '30', 'http://world.test/'])).stdout, 'world\n');
    },
  );

  await t.test('one changed rule is noticed and mended', async () => {
    const filter = /table inet (bulkhead_\w+)/.exec(run(...net.inside, 'nft', 'list', 'tables'))?.[1] ?? '';
    const loosen = ['nft', 'insert', 'rule', 'inet', filter, 'leave', 'accept'];
    await planned(() => void run(...net.inside, ...loosen), /~ packet filter/);
    assert.equal((await stand.bulkhead(['up'])).status, 0);
    assert.doesNotMatch((await stand.bulkhead(['plan'])).stdout, HOLDS);
  });

  const holds = async (ways: readonly string[]): Promise<void> => {
    await net.arrived();
    const found = await tried(stand, 'ann', ways);
    assert.deepEqual(await net.arrived(), []);
    assert.deepEqual(reaches(found, 'world'), []);
    assert.equal((await stand.bulkhead(['up'])).status, 0);
  };

  await t.test(
    'with routing and its hold taken away the packet filter keeps it in, which is seen and mended',
    async () => {
      const both = (): void => {
        noRouting();
        noHold();
      };
      await planned(both, DEAD_END_GONE);
      both();
      await holds(outward(net));
      await seen(both, /dead end/);
      assert.deepEqual((await status()).network?.missing, [LOOPBACK]);
    },
  );

  await t.test('with packet filter and routing taken away the hold on its cgroup keeps it in', async () => {
    noRouting();
    noFilter();
    await holds(outward(net));
  });

  await t.test('with packet filter and hold taken away routing keeps in what is not bound to a link', async () => {
    noHold();
    noFilter();
    // What the kernel sends without asking its routes: to a link by name, and to groups and broadcast from an address.
    const unrouted = /dev=|^udp,(224|239|255|203\.0\.113\.255)/;
    await holds(outward(net).filter((way) => !unrouted.test(way)));
  });

  await t.test('the hold on its cgroup taken away is noticed and mended', async () => {
    await planned(noHold, /~ dead end: uid \d+ .*the hold on its cgroup/);
    assert.equal((await stand.bulkhead(['up'])).status, 0);
    assert.doesNotMatch((await stand.bulkhead(['plan'])).stdout, HOLDS);
  });

  await t.test('ip rule flush does not free it, and rules added by others come after ours', async () => {
    await net.arrived();
    run(...net.inside, 'ip', 'rule', 'add', 'lookup', 'main');
    run(...net.inside, 'nft', 'flush', 'ruleset');
    assert.deepEqual(reaches(await tried(stand, 'ann', [`tcp,${WORLD4},80`, `udp,${WORLD4},80`]), 'world'), []);
    run(...net.inside, 'ip', 'rule', 'flush');
    assert.deepEqual(reaches(await tried(stand, 'ann', [`tcp,${WORLD4},80`, `udp,${WORLD4},80`]), 'world'), []);
    assert.deepEqual(await net.arrived(), []);
    run(...net.inside, 'ip', 'rule', 'add', 'pref', '32766', 'lookup', 'main');
    assert.equal((await stand.bulkhead(['up'])).status, 0);
  });

  await t.test('without a gateway there is no network', async () => {
    const gateway = (await stand.bulkhead(['status', '--json'])).json.programs.find(
      ({ name }: { name: string }) => name === 'gateway',
    );
    const asked = tried(stand, 'ben', outward(net));
    process.kill(gateway.pid, 'SIGKILL');
    assert.deepEqual(reaches(await asked, 'world'), []);
    assert.deepEqual(await net.arrived(), []);
  });

  await t.test("other people's rules stay as they are, from beginning to end", async () => {
    run(...net.inside, 'nft', 'add', 'table', 'inet', 'theirs');
    run(...net.inside, 'ip', 'rule', 'add', 'pref', '77', 'uidrange', '5-5', 'lookup', '77');
    assert.equal((await stand.bulkhead(['down'])).status, 0);
    assert.equal((await stand.bulkhead(['down', '--purge'])).status, 0);
    const left = run(...net.inside, 'nft', 'list', 'tables').trim();
    assert.equal(left, 'table inet theirs');
    const rules = ['-4', '-6'].flatMap((family) => run(...net.inside, 'ip', family, 'rule').split('\n'));
    assert.deepEqual(
      rules.filter((rule) => rule.includes('uidrange')),
      ['77:\tfrom all uidrange 5-5 lookup 77'],
    );
    assert.doesNotMatch(run(...net.inside, 'ip', 'route', 'show', 'table', 'all'), /table 1644/);
  });
}

test('the warden killed while it makes or takes away what holds an agent: up goes on, and nothing is left', {
  skip: NOT_ROOT,
}, async () => {
  await withHostNet(async (net) => {
    await withFleet(
      'agents:\n  ann:\n    tier: user\n    exec: { ask: never }\n    limits: { disk: 64M }\n',
      async (stand) => {
        const journal = join(stand.state, 'made');
        const killedAt = async (args: readonly string[], does: string, kind: string): Promise<void> => {
          const started = stand.start(args);
          const begun = (): boolean =>
            existsSync(journal) &&
            readFileSync(journal, 'utf8')
              .split('\n')
              .some((line) => line.includes(`"do":"${does}"`) && line.includes(`"kind":"${kind}"`));
          while (!begun() && started.child.exitCode === null) await sleep(1);
          const { keepers, wardens } = wardenProcesses(stand.state);
          // Nobody puts the fleet up again, held as it should be, before we have looked.
          for (const pid of keepers) signalProcess(pid, 'SIGSTOP');
          for (const pid of wardens) endProcess(pid);
          await started.ended;
          if (does === 'make') assert.equal(agentProcesses(stand).length, 0, 'nothing runs that is not held');
          for (const pid of keepers) signalProcess(pid, 'SIGCONT');
        };
        for (const kind of ['dead-end', 'host-rules']) {
          await killedAt(['up'], 'make', kind);
          assert.equal((await stand.bulkhead(['up'])).status, 0);
          assert.doesNotMatch((await stand.bulkhead(['plan'])).stdout, HOLDS);
          await net.arrived();
          assert.deepEqual(reaches(await tried(stand, 'ann', [`tcp,${WORLD4},80`, `udp,${WORLD4},80`]), 'world'), []);
          assert.deepEqual(await net.arrived(), []);
          await killedAt(['down', '--purge'], 'remove', kind);
          assert.equal((await stand.bulkhead(['down', '--purge'])).status, 0);
          assert.equal(run(...net.inside, 'nft', 'list', 'tables'), '');
          for (const family of ['-4', '-6']) assert.doesNotMatch(run(...net.inside, 'ip', family, 'rule'), /uidrange/);
        }
      },
      { inside: net.inside, up: false },
    );
  });
});

/** Pids of whatever runs under the uid of the agent. */
function agentProcesses({ fleet }: Stand): string[] {
  const user = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((line) => line.startsWith(`bh-${fleet}-ann:`));
  const uid = user?.split(':')[2];
  if (uid === undefined) return [];
  return run('ps', '-e', '-o', 'uid=,pid=')
    .split('\n')
    .filter((line) => line.trim().split(/ +/)[0] === uid);
}
