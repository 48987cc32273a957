import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeTree } from '../../src/host/files/mounts.ts';
import { type Result, start } from './command.ts';
import { EMPTY_PLAN, NOT_ROOT } from './stand.ts';
import { withinReach } from './within-reach.ts';

/** All of it as a user who is nobody on this machine: a uid without an entry anywhere, and a home with nothing in it. */
interface Nobody {
  readonly uid: number;
  readonly home: string;
  readonly file: string;
  readonly port: number;
  bulkhead(args: readonly string[], around?: readonly string[]): Promise<Result>;
  run(agent: string, ...argv: string[]): Promise<Result>;
  processes(): string[];
}

const CASES: readonly (readonly [claim: string, check: (nobody: Nobody) => Promise<void>])[] = [
  ['where no user namespace can be made it refuses in two lines, and makes nothing', nested],
  ["a state of root's is refused in two lines", ofRoot],
  ['tier user is refused in two lines', ofHost],
  ['the plan has folders and compartments, and makes nothing', planned],
  ['up stands, and status names what is partial and why', up],
  ['what is run is as confined as with root', confined],
  ['no more processes than the limit, counted by compartment', bounded],
  ['what is granted is reached, the rest is refused, and the record has both and is whole', network],
  ['a published port leads into the compartment', published],
  ['what host tools obey in a shared folder cannot be written', masked],
  ['paused, nothing runs, however fast it forks; resumed, it goes on', paused],
  ['stopped, nothing of it is left', stopped],
  ['a killed warden takes its agents with it, and puts the fleet up again', killed],
  ['the drill names what rootless cannot hold, and nothing is breached', drilled],
  ['down keeps what was stored, and up finds it again', down],
  ['uninstall leaves nothing, not even what an agent closed', uninstalled],
];

test('without root', { skip: NOT_ROOT }, async (t) => {
  const server = createServer((_, response) => response.end('hello from the host'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const product = await withinReach();
  const nobody = newNobody(server, `${product.tree}/bulkhead`);
  try {
    for (const [claim, check] of CASES) await t.test(claim, () => check(nobody));
  } finally {
    await nobody.bulkhead(['uninstall']);
    for (const pid of pidsOf(nobody.uid)) process.kill(pid, 'SIGKILL');
    removeTree(nobody.home);
    product.close();
    server.close();
  }
});

function newNobody(server: Server, program: string): Nobody {
  const uid = 62_000 + (process.pid % 900);
  const { port } = server.address() as AddressInfo;
  const home = mkdtempSync(join(tmpdir(), 'bulkhead-nobody-'));
  const own = (path: string): void => chownSync(path, uid, uid);
  const file = join(home, 'fleet.yaml');
  for (const folder of ['project', 'project/.git']) mkdirSync(join(home, folder));
  writeFileSync(join(home, 'project/.git/config'), '[core]\n');
  writeFileSync(join(home, 'secret'), 'of the operator\n', { mode: 0o600 });
  writeFileSync(file, fleet(home, port, uid));
  for (const path of ['', 'project', 'project/.git', 'project/.git/config', 'secret', 'fleet.yaml'])
    own(join(home, path));
  chmodSync(home, 0o700);
  const as = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', 'env', '-i', `HOME=${home}`];
  const nobody: Nobody = {
    ...{ uid, home, file, port },
    bulkhead: (args, around = []) => {
      // A fleet of root's may be on this machine, and would be meant: what is meant is named.
      const state = ['--state', join(home, '.local/state/bulkhead')];
      const [first = '', ...rest] = args;
      const file = first === 'up' || first === 'plan' ? ['-f', nobody.file] : [];
      const line = [first, ...(args.includes('--state') ? [] : state), ...file, ...rest];
      return start(line, { program: [...as, `PATH=${process.env.PATH}`, ...around, program] }).ended;
    },
    run: (agent, ...argv) => nobody.bulkhead(['run', agent, '--', ...argv]),
    processes: () => pidsOf(uid).map((pid) => `${pid} ${commandLine(pid)}`),
  };
  return nobody;
}

const fleet = (home: string, port: number, uid: number): string => `
fleet: nobody
defaults:
  limits: { memory: 256M, processes: 60, cpu: 100%, disk: 64M }
  exec: { sets: [base, python] }
agents:
  worker:
    command: [sh, -c, "while :; do echo tick >> /workspace/ticks; sleep 0.05; done"]
    egress: [{ host: hello.test, port: ${port}, address: 127.0.0.1 }]
    ports: [${20_000 + uid - 62_000}]
  guest:
    workspace: ${home}/project
    shared: true
`;

async function nested({ bulkhead, home }: Nobody): Promise<void> {
  const before = listing(home);
  const box = [
    'bwrap',
    '--unshare-user',
    '--unshare-pid',
    '--disable-userns',
    '--dev-bind',
    '/',
    '/',
    '--proc',
    '/proc',
  ];
  const { status, stderr } = await bulkhead(['up'], box);
  assert.equal(status, 3, stderr);
  assert.equal(stderr.trim().split('\n').length, 2, stderr);
  assert.match(stderr, /cannot hold a compartment: user-namespaces[\s\S]*sysctl -w user\.max_user_namespaces/);
  const doctor = await bulkhead(['doctor'], box);
  assert.equal(doctor.status, 3);
  assert.match(doctor.stdout, /sysctl -w user\.max_user_namespaces/);
  assert.deepEqual(listing(home), before);
}

async function ofRoot({ bulkhead }: Nobody): Promise<void> {
  const { status, stderr } = await bulkhead(['up', '--state', '/var/lib/bulkhead-of-root']);
  assert.equal(status, 3, stderr);
  assert.match(stderr, /^.*takes root\.\n.*sudo bulkhead.*--state .*\n$/);
}

async function ofHost({ bulkhead, file }: Nobody): Promise<void> {
  const before = readFileSync(file, 'utf8');
  writeFileSync(file, 'fleet: nobody\nagents:\n  a: { tier: user }\n');
  for (const command of ['plan', 'up']) {
    const { status, stderr } = await bulkhead([command]);
    assert.equal(status, 3, stderr);
    assert.match(stderr, /^agents\.a has tier user, which needs root.*\nsudo bulkhead up.*\n$/);
  }
  writeFileSync(file, before);
}

async function planned({ bulkhead, home }: Nobody): Promise<void> {
  const before = listing(home);
  const { status, json, stderr } = await bulkhead(['plan', '--json']);
  assert.equal(status, 0, stderr);
  const steps: string[] = [...json.machine, ...json.steps];
  const kinds = new Set(steps.map((step) => step.split(' ')[1]));
  assert.deepEqual([...kinds].sort(), ['compartment', 'egress', 'empty', 'file', 'folder', 'port']);
  assert.deepEqual(listing(home), before);
}

async function up({ bulkhead }: Nobody): Promise<void> {
  const done = await bulkhead(['up']);
  assert.equal(done.status, 0, done.stderr);
  const { json } = await bulkhead(['status', '--probe', '--json']);
  for (const agent of json.agents) {
    const walls: { wall: string; level: string; missing?: string[] }[] = agent.walls;
    const level = (of: string): string[] => walls.filter((wall) => wall.level === of).map(({ wall }) => wall);
    assert.deepEqual(level('partial').sort(), ['identity', 'limits', 'record'], JSON.stringify(walls));
    assert.equal(level('full').length, walls.length - 3, JSON.stringify(walls));
    const missing = walls.flatMap((wall) => wall.missing ?? []).join('; ');
    for (const part of [/your own uid/, /memory and cpu are not limited/, /disk is not limited/, /record/])
      assert.match(missing, part);
  }
  assert.deepEqual((await bulkhead(['plan', '--json'])).json, EMPTY_PLAN);
}

async function confined({ run, uid, home }: Nobody): Promise<void> {
  const { stdout } = await run('worker', 'cat', '/proc/self/status');
  assert.match(stdout, new RegExp(`^Uid:\\s+${uid}\\s+${uid}\\s`, 'm'));
  for (const set of ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb']) assert.match(stdout, new RegExp(`^Cap${set}:\\s+0+$`, 'm'));
  assert.match(stdout, /^NoNewPrivs:\s+1$/m);
  assert.match(stdout, /^Seccomp:\s+2$/m);
  const seen = await run('worker', 'ls', home, '/root', '/var/lib', '/run/user', '/tmp');
  assert.equal(seen.stdout.replace('/tmp:', '').trim(), '');
  assert.equal((await run('guest', 'sh', '-c', 'cat /workspace/../secret')).status, 1);
}

async function bounded({ run }: Nobody): Promise<void> {
  const text = `import os, signal
pids = []
try:
    while len(pids) < 200:
        pid = os.fork()
        if pid == 0: signal.pause()
        pids.append(pid)
except OSError as error: print(error.errno, len(pids))
for pid in pids: os.kill(pid, 9)
`;
  for (const agent of ['worker', 'guest']) {
    const [errno, count] = (await run(agent, 'python3', '-c', text)).stdout.split(' ').map(Number);
    assert.equal(errno, 11); // EAGAIN
    assert.ok((count ?? 0) > 30 && (count ?? 99) < 60, `${count}`);
  }
}

async function network({ run, bulkhead, port }: Nobody): Promise<void> {
  const get = (agent: string, url: string): Promise<Result> =>
    run(agent, 'python3', '-c', `import urllib.request as u; print(u.urlopen("${url}", timeout=30).read().decode())`);
  assert.equal((await get('worker', `http://hello.test:${port}/`)).stdout.trim(), 'hello from the host');
  for (const url of [`http://127.0.0.1:${port}/`, `http://192.0.2.7:${port}/`, `http://other.test:${port}/`])
    assert.notEqual((await get('worker', url)).status, 0, url);
  assert.notEqual((await get('guest', `http://hello.test:${port}/`)).status, 0);
  const { json } = await bulkhead(['ledger', 'tail', '-n', '200', '--json']);
  const events = Map.groupBy(json.entries as { event: string; agent: string }[], ({ event }) => event);
  for (const [event, by] of [
    ['egress.allowed', 'worker'],
    ['egress.denied', 'worker'],
    ['dns.refused', 'guest'],
  ] as const)
    assert.ok(
      events.get(event)?.some(({ agent }) => agent === by),
      `${event} of ${by}`,
    );
  assert.equal((await bulkhead(['ledger', 'verify'])).status, 0);
}

async function published({ run, uid }: Nobody): Promise<void> {
  const port = 20_000 + uid - 62_000;
  const once =
    'import sys; from http.server import *; HTTPServer(("127.0.0.1", int(sys.argv[1])), SimpleHTTPRequestHandler).handle_request()';
  const serving = run('worker', 'timeout', '60', 'python3', '-c', once, String(port));
  let text = '';
  for (let tries = 0; tries < 300 && text === ''; tries++) {
    await sleep(100);
    text = await fetch(`http://127.0.0.1:${port}/ticks`).then(
      (response) => response.text(),
      () => '',
    );
  }
  assert.match(text, /^tick\n/);
  await serving;
}

async function masked({ run, home }: Nobody): Promise<void> {
  const tries =
    'echo x > /workspace/made; echo x >> /workspace/.git/config; chmod 755 /workspace/.envrc; mkdir /workspace/.envrc/x; exit 0';
  await run('guest', 'sh', '-c', tries); // the agent has the folder's own uid, so that its mode holds nothing: the mount does
  assert.equal(readFileSync(join(home, 'project/made'), 'utf8'), 'x\n');
  assert.equal(readFileSync(join(home, 'project/.git/config'), 'utf8'), '[core]\n');
  assert.deepEqual(readdirSync(join(home, 'project/.envrc')), []);
}

async function stoppedIn(bulkhead: Nobody['bulkhead']): Promise<number> {
  const { status, json, stderr } = await bulkhead(['pause', 'worker', '--json']);
  assert.equal(status, 0, stderr);
  assert.match(json.agents[0].measured, /stopped/);
  return json.agents[0].tookMs;
}

async function paused({ bulkhead, run, home }: Nobody): Promise<void> {
  const bomb = 'import os\nwhile True:\n  try:\n    if os.fork(): os._exit(0)\n  except OSError: pass\n';
  // Who waits for a child that runs in its memory takes no signal until then (vfork(2)).
  const waits =
    'import ctypes, time\nl = ctypes.CDLL(None)\nwhile True:\n  if l.syscall(58) == 0:\n    time.sleep(3)\n    l._exit(0)\n';
  const vfork = process.arch === 'x64' ? `python3 -c '${waits}' & ` : '';
  const forking = run('worker', 'sh', '-c', `${vfork}for i in 1 2 3 4; do python3 -c '${bomb}' & done; sleep 30`);
  await sleep(600);
  // A machine that holds the warden up for a moment does not do it each time.
  for (let took = await stoppedIn(bulkhead), tries = 1; took >= 2000; took = await stoppedIn(bulkhead), tries++) {
    assert.ok(tries < 5, `${took} ms`);
    assert.equal((await bulkhead(['resume', 'worker'])).status, 0);
  }
  await sleep(300);
  const ticks = (): number => statSync(join(home, '.local/state/bulkhead/agents/worker/disk/workspace/ticks')).size;
  const before = ticks();
  const first: number = (await bulkhead(['status', '--json'])).json.agents.find(isWorker).pid;
  for (let look = 0; look < 40; look++) {
    assert.deepEqual(runningIn(first), [], `look ${look}`);
    await sleep(10);
  }
  assert.equal(ticks(), before);
  assert.equal((await bulkhead(['resume', 'worker'])).status, 0);
  for (const late = Date.now() + 60_000; ticks() === before; await sleep(50))
    assert.ok(Date.now() < late, 'it goes on');
  assert.equal((await bulkhead(['restart', 'worker'])).status, 0);
  await forking;
}

const isWorker = ({ name }: { readonly name: string }): boolean => name === 'worker';

/** Who is neither stopped, or to stop before it goes on, nor ended of those in a process's pid namespace, as the host's /proc has it. */
function runningIn(first: number): string[] {
  const space = readlinkSync(`/proc/${first}/ns/pid`);
  return readdirSync('/proc').flatMap((pid) => {
    try {
      if (!/^\d+$/.test(pid) || readlinkSync(`/proc/${pid}/ns/pid`) !== space) return [];
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const state = stat.slice(stat.lastIndexOf(')') + 2)[0] ?? '';
      const toStop =
        state === 'D' && /^ShdPnd:\s*[0-9a-f]*[4-7c-f][0-9a-f]{4}$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
      return toStop || 'TtZX'.includes(state) ? [] : [stat.trim().slice(0, 40)];
    } catch {
      return []; // it ended meanwhile
    }
  });
}

async function stopped({ bulkhead, processes }: Nobody): Promise<void> {
  assert.equal((await bulkhead(['stop', 'worker'])).status, 0);
  assert.deepEqual(
    processes().filter((line) => /ticks|hostname worker/.test(line)),
    [],
  );
  assert.equal((await bulkhead(['restart', 'worker'])).status, 0);
}

async function killed({ bulkhead, processes }: Nobody): Promise<void> {
  const of = async (): Promise<{ warden: number; worker: number }> => {
    const { json } = await bulkhead(['status', '--json']);
    const find = (list: { name: string; pid?: number }[] = [], name: string): number =>
      list.find((one) => one.name === name)?.pid ?? 0;
    return { warden: find(json?.programs, 'warden'), worker: find(json?.agents, 'worker') };
  };
  const before = await of();
  assert.ok(before.warden > 1, 'no warden runs'); // 0 would be our own process group (kill(2))
  process.kill(before.warden, 'SIGKILL');
  const there = (): boolean => processes().some((line) => line.startsWith(`${before.worker} `));
  for (const late = Date.now() + 60_000; there(); await sleep(20))
    assert.ok(Date.now() < late, 'the agent went on without a warden');
  for (const late = Date.now() + 60_000; Date.now() < late; ) {
    await sleep(200);
    const now = await of();
    if (now.worker !== 0 && now.worker !== before.worker) return;
  }
  assert.fail('the fleet did not come back');
}

async function drilled({ bulkhead }: Nobody): Promise<void> {
  const anothers = join(tmpdir(), `bulkhead-drill-${2 ** 22 + 1}-anothers-${process.pid}.txt`); // no pid is as high: proc(5), pid_max
  // Neither this user's nor root's, whose drills take theirs away while other tests go on.
  const made = join(tmpdir(), `bulkhead-anothers-${process.pid}.txt`);
  writeFileSync(made, 'left by a drill of somebody\n');
  chownSync(made, 65_534, 65_534);
  renameSync(made, anothers);
  try {
    await drilledBesideIt(bulkhead);
    assert.ok(existsSync(anothers), "what is another's stays");
  } finally {
    rmSync(anothers, { force: true });
  }
}

async function drilledBesideIt(bulkhead: Nobody['bulkhead']): Promise<void> {
  const { json, status, stderr } = await bulkhead(['drill', 'worker', '--json']);
  const results: { id: string; result: string; why?: string }[] = json?.attacks ?? [];
  const wrong = [...results, ...(json?.access ?? [])].filter(
    (one) => !['held', 'ok', 'not-applicable'].includes(one.result),
  );
  assert.equal(status, 0, `${stderr}${JSON.stringify(results.length === 0 ? json : wrong, undefined, 1)}`);
  const of = (result: string): string[] => results.filter((one) => one.result === result).map(({ id }) => id);
  assert.deepEqual([of('breached'), of('error')], [[], []]);
  assert.ok(of('held').length >= 50, `${of('held').length} held`);
  const unheld = results.filter(({ why }) => why?.startsWith('rootless does not hold it')).map(({ id }) => id);
  for (const id of ['d93-memory-bomb', 'd93-cpu', 'c54-exhaust-space']) assert.ok(unheld.includes(id), id);
}

async function down({ bulkhead, processes, run }: Nobody): Promise<void> {
  await run(
    'worker',
    'sh',
    '-c',
    'echo mine > /home/agent/kept; mkdir -p /workspace/closed/in; chmod 0 /workspace/closed',
  );
  assert.equal((await bulkhead(['down'])).status, 0);
  assert.deepEqual(processes(), []);
  assert.equal((await bulkhead(['up'])).status, 0);
  assert.equal((await run('worker', 'cat', '/home/agent/kept')).stdout, 'mine\n');
}

async function uninstalled({ bulkhead, processes, home }: Nobody): Promise<void> {
  const { status, stderr, stdout } = await bulkhead(['uninstall']);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /Nothing that Bulkhead made is left/);
  assert.deepEqual(processes(), []);
  assert.equal(existsSync(join(home, '.local')), false);
  assert.deepEqual(listing(home), [
    'fleet.yaml',
    'project',
    'project/.git',
    'project/.git/config',
    'project/made',
    'secret',
  ]);
}

function listing(home: string): string[] {
  return (readdirSync(home, { recursive: true }) as string[]).sort();
}

function pidsOf(uid: number): number[] {
  const text = execFileSync('ps', ['-eo', 'uid=,pid=,stat='], { encoding: 'utf8' });
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([owner, , state]) => Number(owner) === uid && !state?.startsWith('Z'))
    .map(([, pid]) => Number(pid));
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
