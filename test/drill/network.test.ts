import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { NETWORK_ACCESS } from '../../src/drill/access/network.ts';
import type { Attack } from '../../src/drill/attack.ts';
import { HELD_KEYS } from '../../src/drill/credentials/held-keys.ts';
import { RECORDS } from '../../src/drill/credentials/records.ts';
import { REFRESHING } from '../../src/drill/credentials/refreshing.ts';
import { NETWORK_FAMILY } from '../../src/drill/network/family.ts';
import { passed, said } from '../../src/drill/verdict.ts';
import { netnsPath } from '../../src/host/net/netns.ts';
import { runDrill } from '../../src/programs/cli/drill.ts';
import { type Bench, openBench } from './compartment.ts';

let bench: Bench;
before(async () => {
  bench = await openBench(['alpha', 'beta']);
});
after(() => bench?.close());

/** The bench has the network wall alone; files and descriptors are the compartment's. */
const network = [
  ...NETWORK_FAMILY.attacks.filter(({ wall }) => wall === 'network'),
  ...HELD_KEYS,
  ...REFRESHING,
  ...RECORDS,
];

function only(...ids: string[]): Attack[] {
  return ids.map((id) => network.find((attack) => attack.id === id) ?? assert.fail(`there is no attack ${id}`));
}

function show(results: readonly { id: string; result: string; why?: string }[], good: string): string {
  return results
    .filter(({ result }) => result !== good)
    .map(({ id, result, why }) => `${result} ${id}: ${why}`)
    .join('\n');
}

test('every network attack succeeds without its wall and is held, unseen and recorded by a real gateway', async () => {
  const families = [{ attacks: network, notApplicable: [] }];
  const document = await runDrill(bench.compartments, bench.stage, {
    agents: ['alpha'],
    families,
    access: NETWORK_ACCESS,
    recordMs: 30_000,
  });
  assert.equal(show(document.attacks, 'held'), '');
  assert.equal(show(document.access, 'ok'), '');
  assert.equal(passed(document), true);
});

test('every single way of an attack on rules and keys that has several succeeds without its wall', async () => {
  const failed: string[] = [];
  for (const attack of network.filter(({ program }) => program.includes('no_way();'))) {
    const { args } = bench.arena;
    const timeoutMs = (attack.seconds ?? 10) * 1000;
    const { word, text } = said(
      await bench.arena.control(attack.positive, attack.program, timeoutMs, { ...args, every: '1' }),
    );
    if (word !== 'done' || text !== 'every way') failed.push(`${attack.id}: ${word} ${text}`);
  }
  assert.deepEqual(failed, []);
});

test('an attack on another wall also succeeds where that wall is absent', async () => {
  const others = NETWORK_FAMILY.attacks.filter(({ wall }) => wall !== 'network');
  const document = await runDrill(bench.compartments, bench.stage, {
    agents: ['alpha'],
    families: [{ attacks: others, notApplicable: [] }],
    access: [],
  });
  // In the bench these walls are absent inside too, so the drill must say so.
  assert.deepEqual([...new Set(document.attacks.map(({ result }) => result))], ['breached']);
});

test('a gateway that grants what it must not is reported as breached', async () => {
  const rules = [
    ...bench.stage.lease.rules,
    { host: 'deny.test', port: 80, address: '203.0.113.1' },
    { host: '203.0.113.1', port: 6379 },
    { host: '127.0.0.1', port: Number(bench.arena.args.private_port), address: '127.0.0.1' },
  ];
  const document = await runDrill(
    bench.compartments,
    { ...bench.stage, lease: { ...bench.stage.lease, rules } },
    {
      agents: ['alpha'],
      families: [
        {
          attacks: only('a18-plain-http', 'a01-direct-tcp-odd-protocol', 'a28-host-loopback-proxy'),
          notApplicable: [],
        },
      ],
      access: [],
    },
  );
  assert.deepEqual(
    document.attacks.map(({ result }) => result),
    ['breached', 'breached', 'breached'],
  );
});

test('a namespace without its table is reported as breached', async () => {
  const space =
    readdirSync('/run/netns').find((name) => name === `bhda-${process.pid}-beta`) ?? assert.fail('no namespace');
  execFileSync('nsenter', [`--net=${netnsPath(space)}`, 'nft', 'flush', 'ruleset']);
  const document = await runDrill(bench.compartments, bench.stage, {
    agents: ['beta'],
    families: [{ attacks: only('f115-self-connect', 'f115-listen-foreign', 'f115-udp-foreign'), notApplicable: [] }],
    access: NETWORK_ACCESS.filter(({ id }) => id === 'access-allowed-host'),
    recordMs: 100,
  });
  assert.deepEqual(
    document.attacks.map(({ result }) => result),
    ['breached', 'breached', 'breached'],
  );
  assert.notEqual(document.access[0]?.result, 'ok');
});
