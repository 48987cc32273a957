import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FAMILIES } from '../../src/drill/list.ts';
import { type DrillDocument, unheldBecause } from '../../src/drill/verdict.ts';
import { sweep } from '../../src/host/arena/space.ts';
import type { StatusDocument } from '../../src/model/documents.ts';
import { type Client, dial } from '../../src/wire/client.ts';
import { withLoneHost } from './lone-host.ts';
import { NOT_ROOT, type Stand, withFleet } from './stand.ts';

const OPERATOR = 1234;
const ALL_RESULTS = ['held', 'breached', 'not-applicable', 'error'];

/** A part of a processor that an agent gets on a busy machine too: otherwise nothing can be said about the limit. */
const LIMITS = 'limits: { memory: 256M, processes: 64, cpu: 60%, disk: 64M }';

/** What `builder` adds is attacked in test/drill/walls.test.ts too: here it takes half a minute of the machine for itself. */
const NAMES = process.env.BULKHEAD_LONG ? ['plain', 'sharer', 'builder'] : ['plain', 'sharer'];

/** Nobody is asked for what `sharer` runs, so its filter is the one without a gate: the long test takes that one's walls down. */
function fleet(shared: string): string {
  const builder = `
  builder:
    exec: { sets: [base, python], own: allow }
`;
  return `defaults:
  ${LIMITS}
agents:
  plain:
    command: [sh, -c, "echo kept > /workspace/kept; while :; do sleep 1; done"]
    exec: { sets: [base, python] }
    egress: [{ host: api.example.test, port: 443 }]
  sharer:
    workspace: ${shared}
    shared: true
    exec: { ask: never }
${NAMES.includes('builder') ? builder : ''}`;
}

/** Everything below a folder: names, kinds, sizes, times of change. */
function listing(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => `${entry.parentPath}/${entry.name}`)
    .map((path) => {
      const { mode, size, mtimeMs, uid } = statSync(path, { throwIfNoEntry: false }) ?? {};
      return `${path} ${mode} ${uid} ${existsSync(path) && statSync(path).isFile() ? `${size} ${mtimeMs}` : ''}`;
    })
    .sort();
}

function bad({ attacks, access }: DrillDocument): string[] {
  return [...attacks, ...access]
    .filter(({ result }) => ['breached', 'error', 'cut-off'].includes(result))
    .map(({ agent, id, result, why }) => `${agent} ${id} ${result}: ${why}`);
}

async function agents(stand: Stand): Promise<object[]> {
  const { json } = await stand.bulkhead(['status', '--json']);
  return (json as StatusDocument).agents.map(({ name, state, pid, restarts }) => ({ name, state, pid, restarts }));
}

/** The machine's routes, once what an earlier drill left that was killed is gone: the next drill takes it away, whoever's it is. */
function routesBefore(): string[] {
  sweep(undefined);
  return routes();
}

/** The machine's routes, but for those of links that others make and take away meanwhile. */
function routes(): string[] {
  const lines = execFileSync('ip', ['route', 'show', 'table', 'all'], { encoding: 'utf8' }).split('\n');
  return lines.filter((line) => /^$| dev (lo|eth\d+|en\w+|bhd\w+)\b/.test(line));
}

async function withSeveral(use: (stand: Stand, shared: string) => Promise<void>): Promise<void> {
  await withFleet(
    '',
    async (stand) => {
      const shared = `${stand.folder}/project`;
      mkdirSync(shared);
      writeFileSync(`${shared}/README`, 'mine\n');
      for (const path of [shared, `${shared}/README`]) chownSync(path, OPERATOR, OPERATOR);
      stand.write(fleet(shared));
      const up = await stand.bulkhead(['up']);
      assert.equal(up.status, 0, up.stdout + up.stderr);
      const kept = `${stand.state}/agents/plain/disk/workspace/kept`;
      for (const late = Date.now() + 30_000; !existsSync(kept) || statSync(kept).size === 0; await sleep(50))
        assert.ok(Date.now() < late, 'its command does not begin');
      await use(stand, shared);
    },
    { up: false },
  );
}

test('a drill of several agents: all held, nothing cut off, and the fleet is afterwards what it was', {
  skip: NOT_ROOT,
}, async (t) => {
  await withSeveral(async (stand, shared) => {
    const own = NAMES.filter((name) => name !== 'sharer');
    const folders = [shared, ...own.map((name) => `${stand.state}/agents/${name}/disk`)];
    const before = { agents: await agents(stand), files: folders.map(listing), routes: routesBefore() };
    const begun = performance.now();
    const report = `${stand.folder}/drill.xml`;
    const { status, json, stderr } = await stand.bulkhead(['drill', '--json', '--junit', report]);
    t.diagnostic(`${Math.round((performance.now() - begun) / 1000)} s for ${NAMES.join(', ')}`);
    const document = json as DrillDocument;
    assert.ok(document?.attacks, JSON.stringify(json) + stderr);
    assert.deepEqual(bad(document), []);
    assert.equal(status, 0);
    for (const name of NAMES) {
      const held = document.attacks.filter(({ agent, result }) => agent === name && result === 'held');
      assert.ok(held.length > 200, `${name}: ${held.length} held`);
      const keys = held.filter(({ id }) => /^(?:a24|b33|b34|b35)-/.test(id)).map(({ line }) => line);
      assert.deepEqual([...new Set(keys)], [24, 33, 34, 35], `${name}: what requests may carry`);
    }
    for (const one of document.attacks) {
      assert.ok(ALL_RESULTS.includes(one.result) && one.id && one.agent, JSON.stringify(one));
      assert.ok(one.result === 'not-applicable' ? one.why : one.control, JSON.stringify(one));
    }
    for (const one of document.access.filter(({ result }) => result !== 'ok')) assert.ok(one.why, JSON.stringify(one));

    const xml = readFileSync(report, 'utf8');
    assert.equal(xml.match(/<testcase /g)?.length, document.attacks.length + document.access.length);
    assert.doesNotMatch(xml, /<(?:failure|error) /);
    execFileSync(
      'perl',
      [
        '-0777',
        '-ne',
        'my @o; while (/<(\\/?)(\\w+)[^<>]*?(\\/?)>/g) { next if $3; $1 ? (pop(@o) eq $2 or die) : push @o, $2 } die if @o',
      ],
      { input: xml.replace(/^<\?.*\n/, '') },
    );

    assert.deepEqual({ agents: await agents(stand), files: folders.map(listing), routes: routes() }, before);
    await nothingLent(stand);
    await theRecordHasIt(stand);
  });
});

/** What a drill lends is gone, what the file grants is there; a lease would let `allow.test` be resolved. */
async function nothingLent(stand: Stand): Promise<void> {
  const map = await stand.bulkhead(['map', '--json']);
  assert.deepEqual(
    map.json.agents.map(({ reach }: { reach: string[] }) => reach),
    NAMES.map((name) => (name === 'plain' ? ['api.example.test:443'] : [])),
  );
  const resolves = async (agent: string, name: string): Promise<boolean> => {
    const program = `import socket; print(socket.gethostbyname('${name}'))`;
    return (await stand.run(agent, ['python3', '-c', program])).status === 0;
  };
  assert.equal(await resolves('plain', 'api.example.test'), true);
  for (const agent of NAMES.filter((name) => name !== 'sharer'))
    for (const name of ['allow.test', 'secure.test', 'other.test', 'rules.test', 'keyed.test'])
      assert.equal(await resolves(agent, name), false, `${name} is still lent to ${agent}`);
}

async function theRecordHasIt(stand: Stand): Promise<void> {
  const entries: { event: string; agent: string; drill?: boolean; held?: number; beside?: string }[] = [];
  for (const event of ['drill.begin', 'drill.end']) {
    const { json } = await stand.bulkhead(['ledger', 'tail', '--json', '-n', '50', '--event', event]);
    entries.push(...json.entries);
  }
  assert.ok(entries.every(({ drill }) => drill === true));
  const of = (event: string, agent: string): typeof entries =>
    entries.filter((entry) => entry.event === event && entry.agent === agent);
  for (const agent of NAMES) {
    assert.equal(of('drill.begin', agent).length, of('drill.end', agent).length);
    assert.ok(of('drill.end', agent).some(({ held = 0 }) => held > 190));
  }
}

test('a drill of an agent on the host\u2019s own files: all that its tier holds is held, the rest is named', {
  skip: NOT_ROOT,
}, async () => {
  const yaml = `agents:
  plain: { tier: user, exec: { sets: [base, python] }, ${LIMITS} }
  other: { tier: user, ${LIMITS} }
`;
  await withLoneHost((inside) =>
    withFleet(
      yaml,
      async (stand) => {
        const { status, json, stderr } = await stand.bulkhead(['drill', 'plain', '--json']);
        const document = json as DrillDocument;
        assert.ok(document?.attacks, JSON.stringify(json) + stderr);
        assert.deepEqual(bad(document), []);
        assert.equal(status, 0);
        const held = document.attacks.filter(({ result }) => result === 'held');
        assert.ok(held.length > 200, `${held.length} held`);
        const unheld = document.attacks.filter((one) => unheldBecause(one) !== undefined).map(({ id }) => id);
        const named = FAMILIES.flatMap(({ attacks }) => attacks).filter(({ tiers }) => !tiers.includes('user'));
        assert.deepEqual(
          unheld,
          named.map(({ id }) => id),
        );
      },
      { inside },
    ),
  );
});

test('a lease leads to the targets of a drill alone, is for root and operators, and ends with its connection', {
  skip: NOT_ROOT,
}, async () => {
  await withFleet('agents:\n  one: {}\n', async (stand) => {
    const socket = `${stand.state}/run/warden.sock`;
    const begin = (client: Client, ...rules: object[]): Promise<unknown> =>
      client.call('drill.begin', { agent: 'one', rules });
    const refused = async (rule: object, code: string): Promise<void> => {
      const client = await dial(socket);
      await assert.rejects(begin(client, rule), { code }, JSON.stringify(rule));
      client.socket.destroy();
    };
    for (const rule of [
      { host: 'example.com', port: 443 },
      { host: 'allow.test', port: 80 },
      { host: 'allow.test', port: 80, address: '127.0.0.2' },
      { host: 'allow.test', port: 80, address: '10.0.0.1' },
      { host: '*.test', port: 80, address: '127.0.0.1' },
      { host: 'localhost', port: 80, address: '127.0.0.1' },
      { host: 'secure.test', port: 22, address: '198.51.100.44' },
      { host: 'secure.test', port: 443, address: '198.51.100.45' },
      { host: 'secure.test', port: 443 },
      { host: 'rules.test', port: 80, address: '127.0.0.2' },
      { host: 'keyed.test', port: 80 },
    ])
      await refused(rule, 'malformed-request');
    // Some service of the host's, such as the operator's database: the port is not a target's.
    for (const rule of [
      { host: 'allow.test', port: 22, address: '127.0.0.1' },
      { host: 'localhost', port: 22 },
      { host: 'rules.test', port: 22, address: '127.0.0.1' },
      { host: 'keyed.test', port: 22, address: '127.0.0.1' },
    ])
      await refused(rule, 'not-a-target');

    // Somebody who is neither: cut off without a word. The agent itself does not even see the socket.
    const asking = `use Socket; $SIG{PIPE} = 'IGNORE'; socket(my $s, PF_UNIX, SOCK_STREAM, 0);
connect($s, pack_sockaddr_un('${socket}')) or die "connect: $!";
my $f = '{"id":1,"do":"drill.begin","agent":"one","rules":[]}';
syswrite $s, pack('N', length $f) . $f; print sysread($s, my $b, 100) || 0, "\\n"`;
    const nobody = ['--reuid=64990', '--regid=64990', '--clear-groups', 'perl', '-e', asking];
    assert.equal(execFileSync('setpriv', nobody, { encoding: 'utf8' }), '0\n');

    // Held by a process that is killed: gone with it, and another may begin.
    const first = await dial(socket);
    await begin(first, { host: 'secure.test', port: 443, address: '198.51.100.44' });
    const second = await dial(socket);
    await assert.rejects(begin(second), { code: 'drill-running' });
    first.socket.destroy();
    for (const late = Date.now() + 20_000; ; )
      try {
        await begin(second);
        break;
      } catch (error) {
        if (Date.now() > late) throw error;
        await sleep(20);
      }
    second.socket.destroy();
  });
});

test('a drill that is killed or interrupted leaves nothing lent and nothing that stops the next', {
  skip: NOT_ROOT,
}, async () => {
  await withFleet('agents:\n  one: {}\n', async (stand) => {
    const before = routesBefore();
    const ours: number[] = []; // tests of the arena have theirs beside us
    const left = (): string[] =>
      ['/run', '/run/netns'].flatMap((folder) =>
        readdirSync(folder).filter((name) => ours.includes(Number(/^bhdrill-(\d+)/.exec(name)?.[1]))),
      );
    const lastAttack = async (): Promise<number> => {
      const { json } = await stand.bulkhead(['ledger', 'tail', '--json', '-n', '1', '--event', 'drill.attack']);
      return json.entries[0]?.index ?? -1;
    };
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const last = await lastAttack();
      const drill = stand.start(['drill']);
      const lent = async (): Promise<boolean> => (await lastAttack()) > last;
      while (!(await lent())) {
        assert.equal(drill.child.exitCode, null, 'the drill ended before it began');
        await sleep(50);
      }
      // As a terminal does it, to the whole group; and to the one process.
      const pid = drill.child.pid ?? assert.fail();
      ours.push(pid);
      process.kill(signal === 'SIGINT' ? -pid : pid, signal);
      const ended = await drill.ended;
      assert.equal(ended.status === 0, false);
      if (signal === 'SIGINT') {
        assert.deepEqual(routes(), before);
        assert.deepEqual(left(), []);
      }
    }
    const stopped = await stand.bulkhead(['stop', 'one']);
    assert.equal(stopped.status, 0);
    const { status, json } = await stand.bulkhead(['drill', '--json']);
    assert.equal(status, 1, 'nothing was held, so nothing is proven');
    const results = new Set((json as DrillDocument).attacks.map(({ result, why }) => `${result}: ${why}`));
    const why = 'not-applicable: one is stopped: nothing runs in its compartment (stopped by the operator)';
    assert.deepEqual([...results], [why]);
    assert.deepEqual(routes(), before, 'what the killed one left is swept');
    assert.deepEqual(left(), []);
  }); // it compares the routes of the machine
});

/** As root, in the mount namespace of a compartment: another /tmp over it, where programs run. */
function tmpWithPrograms(pid: number): void {
  const [setns, mount] = process.arch === 'arm64' ? [268, 40] : [308, 165];
  const program = `open my $ns, '<', '/proc/${pid}/ns/mnt'; syscall(${setns}, fileno $ns, 0) == 0 or die "setns: $!";
my ($type, $at, $how) = ('tmpfs', '/tmp', 'mode=1777,size=64m'); syscall(${mount}, $type, $at, $type, 2 | 4, $how) == 0 or die "mount: $!";`;
  execFileSync('perl', ['-e', program]);
}

test('with a wall taken down the drill says breached, on the right lines, and ends with 1', {
  skip: NOT_ROOT || (process.env.BULKHEAD_LONG ? false : 'several drills: BULKHEAD_LONG=1 runs them'),
}, async () => {
  await withSeveral(async (stand) => {
    const breached = async (agent: string): Promise<string[]> => {
      const { status, json } = await stand.bulkhead(['drill', agent, '--json']);
      const ids = (json as DrillDocument).attacks.filter(({ result }) => result === 'breached').map(({ id }) => id);
      assert.equal(status, ids.length > 0 || bad(json as DrillDocument).length > 0 ? 1 : 0);
      return ids;
    };
    const pidOf = async (name: string): Promise<number> =>
      (await stand.bulkhead(['status', '--json'])).json.agents.find((one: { name: string }) => one.name === name).pid;

    tmpWithPrograms(await pidOf('plain'));
    const exec = await breached('plain');
    for (const id of ['d68-copied-program', 'd73-shebang', 'd67-ld-so-exec', 'd71-map-as-code'])
      assert.ok(exec.includes(id), `${id}: ${exec}`);
    assert.ok(
      exec.every((id) => /^(?:d6|d7|c54)/.test(id)),
      `others: ${exec}`,
    );
    assert.equal((await stand.bulkhead(['restart', 'plain'])).status, 0);

    execFileSync('ip', ['netns', 'exec', `bh-${stand.fleet}-builder`, 'nft', 'flush', 'ruleset']);
    const network = await breached('builder');
    assert.ok(
      network.some((id) => id.startsWith('f115-')),
      `${network}`,
    );
    assert.ok(
      network.every((id) => /^[af]/.test(id)),
      `others: ${network}`,
    );

    // A filter that allows everything: BPF_RET|BPF_K, SECCOMP_RET_ALLOW.
    const filter = `${stand.state}/run/filter.bpf`;
    const was = readFileSync(filter);
    writeFileSync(filter, Buffer.from([6, 0, 0, 0, 0, 0, 0xff, 0x7f]));
    assert.notEqual((await stand.bulkhead(['restart', 'sharer'])).status, undefined);
    const calls = await breached('sharer');
    writeFileSync(filter, was);
    for (const id of ['d66-memfd-exec', 'd63-io-uring', 'd64-foreign-abi', 'd61-trace', 'd91-socket-families'])
      assert.ok(calls.includes(id), `${id}: ${calls}`);
  });
});
