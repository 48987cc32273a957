import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { StatusDocument } from '../../src/model/documents.ts';
import { dialLedger } from '../../src/wire/ledger-client.ts';
import { signalled } from './asking.ts';
import { probed } from './probing.ts';
import { NOT_ROOT, type Stand, withFleetBeside } from './stand.ts';

/** Each cycle kills one to three programs; a long run makes at least 200 killings. A warden that dies often is waited for longest. */
const [CYCLES, KILLINGS] = process.env.BULKHEAD_LONG ? [130, 200] : [8, 12];
const CHANCE: Readonly<Record<string, number>> = { warden: 0.35, gateway: 0.7, ledger: 0.7, gate: 0.7 };
const SEED = Number(process.env.SEED ?? 20_260_501);

/** Tries without pause to reach what it may not, and what it may; one line of /workspace/tried for each kind of outcome. */
const BUSY = `
const net = require('node:net'), http = require('node:http'), fs = require('node:fs');
const seen = new Map();
const note = (what) => { seen.set(what, (seen.get(what) ?? 0) + 1); fs.writeFileSync('/workspace/next', JSON.stringify([...seen])); fs.renameSync('/workspace/next', '/workspace/tried'); };
const get = (url, name) => new Promise((done) => {
  const ask = http.get(url, { timeout: 1500, agent: false }, (answer) => {
    let text = ''; answer.on('data', (d) => text += d); answer.on('end', () => { note(name + ' ' + (text.includes('CANARY') ? 'REACHED' : answer.statusCode));
      if (text.includes('CANARY') && name !== 'allowed') fs.appendFileSync('/workspace/opened', name + '\\n'); // outlives restarts
      done(); }); answer.on('error', done);
  });
  ask.on('timeout', () => ask.destroy()); ask.on('error', () => { note(name + ' failed'); done(); });
});
(async () => { for (;;) {
  await get('http://allow.test:' + process.argv[1] + '/', 'allowed');
  await get('http://deny.test:' + process.argv[1] + '/', 'denied-name');
  await get('http://203.0.113.9/', 'denied-address');
  await get('http://127.0.0.1:' + process.argv[1] + '/', 'host-loopback');
  await new Promise((r) => setTimeout(r, 20));
} })();`;

function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A warden that was killed many times over is started again after half a minute (src/programs/warden/keep). */
const BACK_MS = 240_000;

async function statusWhenWhole(stand: Stand): Promise<StatusDocument> {
  const late = Date.now() + BACK_MS;
  for (;;) {
    const { json } = await stand.bulkhead(['status', '--json']);
    const whole =
      json?.programs?.length === 4 && json.programs.every(({ state }: { state: string }) => state === 'running');
    if (whole && json.agents.every(({ state }: { state: string }) => state === 'running')) return json;
    assert.ok(Date.now() < late, `the fleet did not come back: ${JSON.stringify(json)}`);
    await wait(100);
  }
}

test(`killing programs at any time opens no wall and loses no acknowledged record (${CYCLES} cycles, seed ${SEED})`, {
  skip: NOT_ROOT,
  timeout: 3_600_000,
}, async (t) => {
  let reached = 0;
  const canary = createServer((_, answer) => {
    reached++;
    answer.end('CANARY');
  });
  await new Promise<void>((resolve) => canary.listen(0, '127.0.0.1', resolve));
  t.after(() => canary.close());
  const { port } = canary.address() as AddressInfo;
  const yaml = `agents:
  busy:
    command: [node, -e, ${JSON.stringify(BUSY)}, "${port}"]
    exec: { sets: [base, node] }
    limits: { memory: 512M, disk: 64M }
    egress: [{ host: allow.test, port: ${port}, address: 127.0.0.1 }]
`;
  await withFleetBeside(yaml, async (stand) => {
    const chance = random(SEED);
    const acknowledged: string[] = [];
    let killings = 0;
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      const before = await statusWhenWhole(stand);
      const names = before.programs.map(({ name }) => name).filter((name) => chance() < (CHANCE[name] ?? 1));
      if (names.length === 0) names.push('gateway');
      const writing = write(stand, cycle, acknowledged);
      await wait(chance() * 400);
      for (const { name, pid } of before.programs)
        if (pid !== undefined && names.includes(name)) signalled(pid, 'SIGKILL');
      killings += names.length;
      const first = before.agents[0]?.pid;
      if (names.includes('warden') && first !== undefined)
        await until(() => ended(first), 'the agent went on without a warden');
      await writing;
      if (cycle % 10 === 9)
        t.diagnostic(`${cycle + 1} cycles, ${killings} killings, ${acknowledged.length} acknowledged`);
    }
    await statusWhenWhole(stand);
    const whole = await probed(stand);
    assert.equal(whole.status, 0, whole.stdout);
    for (const { walls } of (whole.json as StatusDocument).agents)
      for (const wall of walls) assert.equal(wall.level, 'full', JSON.stringify(wall));

    let tried = new Map<string, number>();
    // Who has just been put up anew has not tried much yet.
    for (const late = Date.now() + 60_000; !tried.has('allowed REACHED') && Date.now() < late; await wait(200))
      tried = new Map(JSON.parse((await stand.run('busy', ['cat', '/workspace/tried'])).stdout));
    t.diagnostic(
      `${killings} killings; the agent saw ${JSON.stringify([...tried])}; the canary was reached ${reached} times`,
    );
    for (const outcome of tried.keys()) if (!outcome.startsWith('allowed')) assert.doesNotMatch(outcome, /REACHED/);
    assert.equal(
      (await stand.run('busy', ['cat', '/workspace/opened'])).stdout,
      '',
      'something opened in an earlier life',
    );
    assert.ok((tried.get('allowed REACHED') ?? 0) > 0, 'the allowed host was reached between killings');

    const verified = await stand.bulkhead(['ledger', 'verify', '--json']);
    assert.equal(verified.status, 0, verified.stdout + verified.stderr);
    const ledger = await dialLedger(`${stand.state}/run/ledger/ledger.sock`);
    const there = new Set<string>();
    for (let from = 0; ; ) {
      const { entries, size } = (await ledger.client.call('read', { from, most: 500 })) as {
        entries: { event: string; mark?: string; index: number }[];
        size: number;
      };
      for (const entry of entries) if (entry.mark) there.add(entry.mark);
      from = (entries.at(-1)?.index ?? size) + 1;
      if (from >= size || entries.length === 0) break;
    }
    ledger.close();
    assert.deepEqual(
      acknowledged.filter((mark) => !there.has(mark)),
      [],
      'acknowledged records were lost',
    );
    assert.ok(killings >= KILLINGS, `only ${killings} killings`);
    assert.ok(acknowledged.length > CYCLES, `only ${acknowledged.length} were acknowledged`);
    assert.equal(readFileSync(`${stand.state}/logs/warden.log`, 'utf8').includes('ended by a bug'), false);
  });
});

/** Appends as the warden would, until the ledger goes away or half a second has passed. */
async function write(stand: Stand, cycle: number, acknowledged: string[]): Promise<void> {
  const late = Date.now() + 500;
  try {
    const ledger = await dialLedger(`${stand.state}/run/ledger/ledger.sock`);
    for (let i = 0; Date.now() < late; i++) {
      const mark = `${cycle}-${i}`;
      await ledger.append([{ event: 'drill.attack', mark }], 'acknowledged');
      acknowledged.push(mark);
    }
    ledger.close();
  } catch {
    // the ledger was killed meanwhile: what it had not acknowledged does not count
  }
}

/** Gone, or waiting for whoever inherited it to ask for its end (proc(5), stat). */
function ended(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return 'ZX'.includes(stat.slice(stat.lastIndexOf(')') + 2)[0] ?? '');
  } catch {
    return true;
  }
}

async function until(done: () => boolean, what: string): Promise<void> {
  const late = Date.now() + 60_000; // a busy machine takes its time; a compartment that stays does so for ever
  while (!done()) {
    assert.ok(Date.now() < late, what);
    await wait(5);
  }
}
