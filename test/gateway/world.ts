import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { compiledFor } from '../../src/host/files/compiled.ts';
import { removeTree } from '../../src/host/files/mounts.ts';
import { socketpair } from '../../src/host/libc.ts';
import { createNetns, deleteNetns, dialInside, netnsPath, openAgentSockets } from '../../src/host/net/netns.ts';
import { Failure, failureDocument } from '../../src/model/failure.ts';
import type { EgressRule } from '../../src/model/fleet.ts';
import { Client } from '../../src/wire/client.ts';
import { sendDescriptors } from '../../src/wire/handover.ts';
import { serve } from '../../src/wire/serve.ts';
import { type Reachable, withinReach } from '../e2e/within-reach.ts';
import { makeCertificate } from './certificate.ts';
import { NOON } from './noon.ts';
import { listenTo } from './said.ts';

/** A pretended internet in one network namespace (the gateway and the servers run there), compartments in others, the real
 *  gateway program under a uid of its own, and the warden and ledger played by the test. */
const UID = 64_731;
const AGENT_UID = 64_732;
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
/** The programs run as users of their own, and so from where those may enter. */
const reach: Reachable = await withinReach();
process.once('exit', () => reach.close());
const COMPILED = Object.entries(compiledFor(UID, reach.tree)).map(([name, value]) => `${name}=${value}`);
/** More of it, once something came, is waited for `quiet` seconds; the first for as long as the socket's own time. */
const HEARD = `def heard(s,quiet=None):
  out=b''
  try:
    while d:=s.recv(65536):
      out+=d
      if quiet: s.settimeout(quiet)
  except OSError: pass
  return out
`;
const reachable = (argv: readonly string[]): string[] =>
  argv.map((word) => (word === process.execPath ? reach.node : word));
let worlds = 0;

export interface Entry {
  readonly event: string;
  readonly [field: string]: unknown;
}

export class World {
  readonly dir: string = mkdtempSync(join(tmpdir(), 'bhgw-'));
  readonly outside: string = `bhgw-${process.pid}-${worlds++}`;
  readonly addresses: readonly string[] = ['203.0.113.10', '203.0.113.11'];
  readonly entries: Entry[] = [];
  /** What origin servers saw, by address. */
  readonly seen: { address: string; port: number; seen: string }[] = [];
  /** What the outside resolver was asked for (what its hosts file does not know). */
  readonly asked: string[] = [];
  /** Set: the ledger refuses with this. */
  ledgerRefuses: Failure | undefined;
  warden!: Client;
  /** What an entry waits for before the ledger takes it. */
  ledgerHolds: (entries: readonly Entry[]) => Promise<unknown> | undefined = () => undefined;
  /** What the gateway asks of the warden besides a connection into a compartment. */
  onQuestion: (request: { id: number; do: string; agent: string; [field: string]: unknown }) => void = () => {};
  gateway!: ChildProcess;
  readonly log: string[] = [];
  /** Set before the start: what secrets are sealed to. */
  identity: string | undefined;
  readonly #children: ChildProcess[] = [];
  readonly #agents: string[] = [];
  #ledger: Server | undefined;
  readonly #ledgerSockets = new Set<Socket>();
  #descriptors = -1;

  /** @param ledger  `played` by the test, or the `real` program (its entries are read with `read`) */
  async start(hosts: Readonly<Record<string, string>>, ledger: 'played' | 'real' = 'played'): Promise<this> {
    execFileSync('ip', ['netns', 'add', this.outside]);
    execFileSync('ip', ['-n', this.outside, 'link', 'set', 'lo', 'up']);
    for (const address of this.addresses)
      execFileSync('ip', ['-n', this.outside, 'addr', 'add', `${address}/32`, 'dev', 'lo']);
    mkdirSync(`/etc/netns/${this.outside}`, { recursive: true });
    writeFileSync(`/etc/netns/${this.outside}/resolv.conf`, 'nameserver 127.0.0.1\noptions timeout:20 attempts:1\n');
    this.hosts(hosts);
    await (ledger === 'real' ? this.#startRealLedger() : this.startLedger());
    await Promise.all(this.addresses.map((address) => this.#startOrigin(address)));
    this.startGateway();
    return this;
  }

  /** What the pretended internet's resolver says from now on. */
  hosts(hosts: Readonly<Record<string, string>>): void {
    const lines = Object.entries(hosts).flatMap(([name, list]) =>
      list.split(' ').map((address) => `${address} ${name}\n`),
    );
    writeFileSync(`/etc/netns/${this.outside}/hosts`, lines.join(''));
  }

  get ledgerPath(): string {
    return join(this.dir, 'ledger.sock');
  }

  async startLedger(): Promise<void> {
    this.#ledger = await serve<'any'>({
      path: this.ledgerPath,
      mode: 0o666,
      who: () => 'any',
      onBug: (error) => console.error(error),
      requests: {
        append: {
          from: ['any'],
          answer: async (body) => {
            if (this.ledgerRefuses) throw this.ledgerRefuses;
            const held = this.ledgerHolds(body.entries as Entry[]);
            if (held) await held;
            const index = this.entries.length;
            this.entries.push(...(body.entries as Entry[]).map((entry) => ({ ...entry, strength: body.strength })));
            return { index };
          },
        },
      },
    });
    this.#ledger.on('connection', (socket: Socket) => this.#ledgerSockets.add(socket));
    execFileSync('chmod', ['755', this.dir]);
  }

  async #startRealLedger(): Promise<void> {
    execFileSync('chmod', ['755', this.dir]);
    const dir = join(this.dir, 'ledger');
    mkdirSync(dir, { mode: 0o700 });
    const child = this.#spawn(
      [process.execPath],
      [
        here('../../src/programs/ledger/main.ts'),
        '--dir',
        dir,
        '--socket',
        this.ledgerPath,
        '--gateway-uid',
        String(UID),
      ],
      ['ignore', 'inherit', 'inherit', 'pipe', 'pipe'],
    );
    const ready = child.stdio[4] as Socket;
    await new Promise((resolve, reject) => {
      ready.once('data', resolve);
      child.once('exit', (status) => reject(new Error(`the ledger ended with ${status} before it served`)));
    });
  }

  async stopLedger(): Promise<void> {
    for (const socket of this.#ledgerSockets) socket.destroy();
    this.#ledgerSockets.clear();
    await new Promise((resolve) => this.#ledger?.close(resolve));
    rmSync(this.ledgerPath, { force: true });
  }

  startGateway(): void {
    const dir = join(this.dir, 'gateway');
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    chownSync(dir, UID, UID);
    const pair = Buffer.alloc(8);
    if (socketpair(1, 2 | 0o2000000, 0, pair) !== 0) throw new Error('socketpair');
    const secret = join(this.dir, 'identity');
    if (this.identity !== undefined) writeFileSync(secret, `${this.identity}\n`, { mode: 0o600 });
    const sealed = this.identity === undefined ? [] : [openSync(secret, 'r')];
    const args = ['--ledger', this.ledgerPath, '--dir', dir, ...sealed.flatMap(() => ['--identity', '5'])];
    const of = (file: string): string => `${reach.tree}/src/programs/gateway/${file}`;
    const child = this.#spawn(
      [
        'ip',
        'netns',
        'exec',
        this.outside,
        ...as(UID),
        'env',
        ...COMPILED,
        `TZ=${NOON}`,
        `OPENSSL_CONF=${of('openssl.cnf')}`,
        reach.node,
      ],
      [of('main.ts'), ...args],
      ['ignore', 'pipe', 'pipe', 'pipe', pair.readInt32LE(4), ...sealed],
    );
    for (const fd of sealed) closeSync(fd);
    closeSync(pair.readInt32LE(4));
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => this.log.push(String(text)));
    this.gateway = child;
    this.#descriptors = pair.readInt32LE(0);
    this.warden = new Client(child.stdio[3] as Socket);
    this.warden.onNotice = (notice) => {
      const request = notice as { id: number; do: string; agent: string; port: number };
      if (request.do === 'dial') this.#dialled(request);
      else this.onQuestion(request);
    };
  }

  async stopGateway(): Promise<void> {
    const gone = onceGone(this.gateway);
    this.warden.close();
    await gone;
    closeSync(this.#descriptors);
  }

  /** A compartment's namespace, its sockets handed over. */
  async agent(name: string): Promise<void> {
    const netns = this.netns(name);
    createNetns(netns);
    this.#agents.push(name);
    mkdirSync(`/etc/netns/${netns}`, { recursive: true });
    writeFileSync(`/etc/netns/${netns}/resolv.conf`, 'nameserver 198.18.0.1\noptions timeout:20 attempts:1\n');
    writeFileSync(`/etc/netns/${netns}/hosts`, '127.0.0.1 localhost\n');
    await this.listen(name);
  }

  async listen(name: string): Promise<void> {
    const sockets = openAgentSockets(netnsPath(this.netns(name)));
    sendDescriptors(this.#descriptors, Object.values(sockets));
    for (const fd of Object.values(sockets)) closeSync(fd);
    await this.warden.call('listen', { agent: name, sockets: Object.keys(sockets) });
  }

  netns(name: string): string {
    return `${this.outside}-${name}`;
  }

  policy(agents: Readonly<Record<string, readonly EgressRule[]>>): Promise<unknown> {
    const list = Object.entries(agents).map(([name, egress]) => ({ name, egress }));
    return this.warden.call('policy', { agents: list });
  }

  /** Runs a program inside a compartment as an unprivileged user. */
  run(
    name: string,
    argv: readonly string[],
    input: string = '',
  ): Promise<{ status: number | null; out: string; err: string }> {
    const child = this.#spawn(['ip', 'netns', 'exec', this.netns(name), ...as(AGENT_UID)], reachable(argv), [
      'pipe',
      'pipe',
      'pipe',
    ]);
    return finished(child, input);
  }

  /** Starts a program inside a compartment and leaves it running. */
  background(name: string, argv: readonly string[]): ChildProcess {
    return this.#spawn(['ip', 'netns', 'exec', this.netns(name), ...as(AGENT_UID)], reachable(argv), [
      'pipe',
      'pipe',
      'pipe',
    ]);
  }

  curl(name: string, ...args: readonly string[]): ReturnType<World['run']> {
    return this.run(name, ['curl', '-sS', '-k', '-m', '30', ...args]);
  }

  /** Python inside a compartment: `socket` is imported; `heard` is all that comes until the other side ends, or is silent for a while. */
  python(name: string, code: string): ReturnType<World['run']> {
    return this.run(name, ['/usr/bin/python3', '-c', `import socket,sys,time\n${HEARD}${code}`]);
  }

  /** Sends bytes from inside a compartment over one connection and gives back all that comes until it closes. */
  async raw(name: string, host: string, port: number, ...pieces: readonly (string | Buffer)[]): Promise<Buffer> {
    const parts = pieces.map((piece) =>
      (typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece).toString('hex'),
    );
    const code = `
s=socket.create_connection((${JSON.stringify(host)},${port}),timeout=20)
try:
  for i,p in enumerate(${JSON.stringify(parts)}):
    if i: time.sleep(0.12)
    s.sendall(bytes.fromhex(p))
except OSError: pass # it was answered, and closed, before
print(heard(s).hex())`;
    const { out, err } = await this.python(name, code);
    assert.equal(err, '');
    return Buffer.from(out.trim(), 'hex');
  }

  /** Starts a program in the pretended internet, and leaves it. */
  outsideBackground(argv: readonly string[]): ChildProcess {
    return this.#spawn(['ip', 'netns', 'exec', this.outside], argv, ['pipe', 'pipe', 'pipe']);
  }

  /** Runs a program in the pretended internet. */
  outsideRun(argv: readonly string[]): Promise<{ status: number | null; out: string; err: string }> {
    return finished(this.#spawn(['ip', 'netns', 'exec', this.outside], argv, ['pipe', 'pipe', 'pipe']), '');
  }

  events(event: string): Entry[] {
    return this.entries.filter((entry) => entry.event === event);
  }

  /** Waits for a recorded entry. */
  async recorded(event: string, matches: (entry: Entry) => boolean, ms: number = 20_000): Promise<Entry> {
    for (const end = Date.now() + ms; Date.now() < end; await sleep(20)) {
      const found = this.entries.find((entry) => entry.event === event && matches(entry));
      if (found) return found;
    }
    throw new Error(`no ${event} like that was recorded; there is ${JSON.stringify(this.entries.slice(-10))}`);
  }

  /** The gateway has done what follows at once from all that it was told until now: who was to be held is. */
  async heeded(): Promise<void> {
    await this.warden.call('status');
  }

  /** Waits until this many are there; what comes after them is given a moment, too, so that one too many is seen. @returns how many there are */
  async counted(look: () => number, least: number, momentMs: number = 300): Promise<number> {
    for (const end = Date.now() + 20_000; look() < least && Date.now() < end; ) await sleep(20);
    await sleep(momentMs);
    return look();
  }

  async stop(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await Promise.all(this.#children.map((child) => child.exitCode ?? child.signalCode ?? onceGone(child)));
    if (this.#ledger?.listening) await this.stopLedger();
    for (const name of this.#agents) {
      deleteNetns(this.netns(name));
      removeTree(`/etc/netns/${this.netns(name)}`);
    }
    deleteNetns(this.outside);
    removeTree(`/etc/netns/${this.outside}`);
    removeTree(this.dir);
  }

  #dialled({ id, agent, port }: { id: number; agent: string; port: number }): void {
    try {
      const fd = dialInside(netnsPath(this.netns(agent)), port);
      sendDescriptors(this.#descriptors, [fd]);
      closeSync(fd);
      this.warden.reply({ id, ok: {} });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.warden.reply({ id, error: failureDocument(error) });
    }
  }

  async #startOrigin(address: string): Promise<void> {
    const [key, cert] = [join(this.dir, 'key.pem'), join(this.dir, 'cert.pem')];
    if (address === this.addresses[0]) makeCertificate(key, cert);
    const child = this.#spawn(
      ['ip', 'netns', 'exec', this.outside, process.execPath],
      [here('origins.ts'), address, key, cert],
      ['ignore', 'pipe', 'inherit'],
    );
    await listenTo(child, (one) => {
      if (one.asked) this.asked.push(one.asked);
      else this.seen.push({ address, ...one });
    });
  }

  #spawn(
    prefix: readonly string[],
    argv: readonly string[],
    stdio: import('node:child_process').StdioOptions,
  ): ChildProcess {
    const [program = '', ...args] = [...prefix, ...argv];
    const child = spawn(program, args, { stdio });
    child.on('error', (error) => this.log.push(String(error)));
    this.#children.push(child);
    return child;
  }
}

function as(uid: number): string[] {
  return [
    'setpriv',
    `--reuid=${uid}`,
    `--regid=${uid}`,
    '--clear-groups',
    '--no-new-privs',
    '--bounding-set=-all',
    '--inh-caps=-all',
  ];
}

function onceGone(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve) => child.once('exit', resolve));
}

async function finished(
  child: ChildProcess,
  input: string,
): Promise<{ status: number | null; out: string; err: string }> {
  let [out, err] = ['', ''];
  child.stdout?.on('data', (text) => {
    out += text;
  });
  child.stderr?.on('data', (text) => {
    err += text;
  });
  child.stdin?.on('error', () => {}).end(input); // it need not read it, and may be gone
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { status, out, err };
}
