import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { writableByOthers } from '../../src/host/files/writable.ts';
import { uidOf } from '../../src/host/machine/accounts.ts';
import type { StatusDocument } from '../../src/model/documents.ts';
import { groundOf } from '../../src/plan/machine.ts';
import { PROGRAMS } from '../../src/programs/table.ts';
import { NOT_ROOT, type Stand, withFleetBeside } from './stand.ts';
import { type Reachable, withinReach } from './within-reach.ts';

const FLEET = `operators:
  owner: { user: games }
agents:
  idle:
    limits: { memory: 256M, disk: 64M }
`;

function field(pid: number, key: string): string {
  return new RegExp(`^${key}:[ \\t]*(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]?.trim() ?? '';
}

/** Inodes of the sockets a process has open. */
function socketsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    const [, inode] = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`) ?? '') ?? [];
    return inode ? [inode] : [];
  });
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined; // closed since the folder was read
  }
}

/** Of these inodes, those that are internet sockets of the process's network namespace. */
function internet(pid: number, inodes: readonly string[]): string[] {
  const tables = ['tcp', 'tcp6', 'udp', 'udp6', 'raw', 'raw6'].map((name) =>
    readFileSync(`/proc/${pid}/net/${name}`, 'utf8'),
  );
  const known = new Set(
    tables.flatMap((text) =>
      text
        .split('\n')
        .slice(1)
        .map((line) => line.trim().split(/\s+/)[9] ?? ''),
    ),
  );
  return inodes.filter((inode) => known.has(inode));
}

/** Asks a socket as another user, in a process of its own. @returns what came back: a code of an error, `ok`, or `cut` */
function askAs({ tree, node }: Reachable, uid: number, socket: string, request: object): string {
  const client = `file://${tree}/src/wire/client.ts`;
  const text = `import { dial } from ${JSON.stringify(client)};
    try { const c = await dial(${JSON.stringify(socket)}); await c.call(${JSON.stringify((request as { do: string }).do)}, ${JSON.stringify(request)}); console.log('ok'); }
    catch (e) { console.log(e.name === 'Failure' ? e.code : 'cut'); } process.exit(0);`;
  const ran = spawnSync(node, ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', text], {
    uid,
    gid: uid,
    encoding: 'utf8',
    cwd: '/',
    env: {},
  });
  return ran.stdout.trim() || ran.stderr;
}

async function programsOf(stand: Stand): Promise<Map<string, number>> {
  const { json } = await stand.bulkhead(['status', '--json']);
  return new Map((json as StatusDocument).programs.map(({ name, pid }) => [name, pid ?? 0]));
}

test('each program runs as the table says, with what it says, and nothing more', { skip: NOT_ROOT }, async () => {
  await withFleetBeside(FLEET, async (stand) => {
    const pids = await programsOf(stand);
    const users = groundOf(stand.state).users;
    assert.deepEqual([...pids.keys()].sort(), PROGRAMS.map(({ name }) => name).sort());
    for (const row of PROGRAMS) {
      const pid = pids.get(row.name) ?? 0;
      const uid = row.name === 'warden' || row.name === 'gate' ? 0 : uidOf(users[row.name]);
      assert.deepEqual(field(pid, 'Uid').split(/\s+/).map(Number), [uid, uid, uid, uid], row.name);
      if (row.privileges === 'none') {
        for (const set of ['CapEff', 'CapPrm', 'CapBnd', 'CapInh', 'CapAmb'])
          assert.match(field(pid, set), /^0+$/, `${row.name} ${set}`);
        assert.equal(field(pid, 'NoNewPrivs'), '1', row.name);
        assert.equal(field(pid, 'Groups'), '', row.name);
      }
      if (row.privileges === 'some') {
        const mask = (row.capabilities ?? []).reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n);
        for (const set of ['CapEff', 'CapPrm', 'CapBnd'])
          assert.equal(BigInt(`0x${field(pid, set)}`), mask, `${row.name} ${set}`);
        for (const set of ['CapInh', 'CapAmb']) assert.match(field(pid, set), /^0+$/, `${row.name} ${set}`);
        assert.equal(field(pid, 'NoNewPrivs'), '1', row.name);
      }
      const own = readlinkSync(`/proc/${pid}/ns/net`) !== readlinkSync('/proc/self/ns/net');
      assert.equal(own, row.network === 'none', `${row.name}: network namespace`);
      if (row.name !== 'gateway')
        assert.deepEqual(internet(pid, socketsOf(pid)), [], `${row.name} has internet sockets`);
    }
  });
});

test('secrets and sockets have the owners and modes of the table', { skip: NOT_ROOT }, async () => {
  await withFleetBeside(FLEET, async (stand) => {
    const users = groundOf(stand.state).users;
    const key = lstatSync(`${stand.state}/ledger/key`);
    assert.deepEqual([key.uid, key.mode & 0o777], [uidOf(users.ledger), 0o600]);
    for (const row of PROGRAMS) {
      if (row.socketMode === undefined) continue;
      const path = row.name === 'warden' ? 'run/warden.sock' : 'run/ledger/ledger.sock';
      assert.equal(lstatSync(`${stand.state}/${path}`).mode & 0o777, row.socketMode, path);
    }
    for (const folder of ['ledger', 'gateway', 'logs'])
      assert.equal(lstatSync(`${stand.state}/${folder}`).mode & 0o077, 0, folder);
    for (const [name, pid] of await programsOf(stand)) {
      const [, kept] = /(?:^|\0)NODE_COMPILE_CACHE=([^\0]*)/.exec(readFileSync(`/proc/${pid}/environ`, 'utf8')) ?? [];
      assert.ok(kept?.startsWith(groundOf(stand.state).library), `${name} loads compiled code from ${kept}`);
      assert.deepEqual(writableByOthers(kept ?? assert.fail()), [], name);
    }
  });
});

test('who may ask for what is decided by the kernel’s word on who calls', { skip: NOT_ROOT }, async (t) => {
  const product = await withinReach();
  t.after(() => product.close());
  await withFleetBeside(FLEET, async (stand) => {
    const warden = `${stand.state}/run/warden.sock`;
    const ledger = `${stand.state}/run/ledger/ledger.sock`;
    const users = groundOf(stand.state).users;
    const uid = (user: string): number => uidOf(user) ?? assert.fail(user);
    const agent = Number(
      execFileSync('stat', ['-c', '%u', `${stand.state}/agents/idle/disk/home`], { encoding: 'utf8' }),
    );
    const status = { do: 'status' };
    assert.equal(askAs(product, 0, warden, status), 'ok');
    assert.equal(askAs(product, uid('games'), warden, status), 'ok', 'a listed operator');
    for (const [who, other] of [
      ['nobody', 65_534],
      ['an agent', agent],
      ['the gateway', uid(users.gateway)],
      ['the ledger', uid(users.ledger)],
    ] as const)
      assert.equal(askAs(product, other, warden, status), 'cut', who);
    for (const request of ['fleet.apply', 'fleet.plan', 'fleet.down'])
      assert.equal(askAs(product, uid('games'), warden, { do: request }), 'not-permitted', request);
    assert.equal(askAs(product, 0, warden, { do: '__proto__' }), 'unknown-request');

    const append = { do: 'append', entries: [{ event: 'drill.attack' }], strength: 'accepted' };
    assert.equal(askAs(product, uid(users.gateway), ledger, append), 'ok');
    assert.equal(askAs(product, uid('games'), ledger, { do: 'read' }), 'ok', 'an operator may read');
    assert.equal(askAs(product, uid('games'), ledger, append), 'not-permitted', 'and not write');
    assert.equal(
      askAs(product, uid(users.gateway), ledger, { do: 'read' }),
      'not-permitted',
      'the gateway may write and not read',
    );
    for (const other of [65_534, agent]) assert.equal(askAs(product, other, ledger, { do: 'read' }), 'cut');
  });
});
