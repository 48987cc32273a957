import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeTree } from '../../src/host/files/mounts.ts';
import { SOCK_DGRAM, socketPair } from '../../src/host/pipes.ts';
import { GateLink } from '../../src/programs/warden/gate/gate-link.ts';
import { GatewayLink } from '../../src/programs/warden/programs/gateway-link.ts';

/** Whether a datagram waits at this end. */
function came(fd: number): boolean {
  const look =
    'use Socket; open my $s, "+<&=", 3 or die; print defined recv($s, my $b, 9, MSG_DONTWAIT) ? "yes" : "no"';
  const { stdout } = spawnSync('perl', ['-e', look], { stdio: ['ignore', 'pipe', 'inherit', fd], encoding: 'utf8' });
  return stdout === 'yes';
}

/** Ends a link's program, and puts sockets of others under the numbers that it had. */
async function ended(link: { readonly theirs: readonly [number, number] }): Promise<{ others: number[] }> {
  for (const fd of link.theirs) closeSync(fd);
  await sleep(50);
  const pairs = Array.from({ length: 4 }, () => socketPair(SOCK_DGRAM));
  return { others: pairs.flatMap(({ ours, theirs }) => [ours, theirs]) };
}

test('what is meant for a gateway that has ended goes to no other', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-handover-'));
  t.after(() => removeTree(folder));
  const link = new GatewayLink(() => undefined, {} as never);
  const { others } = await ended(link);
  t.after(() => {
    for (const fd of others) closeSync(fd);
  });
  await assert.rejects(link.sign('coder', join(folder, 'signer'), undefined));
  assert.deepEqual(others.filter(came), []);
});

test('what is meant for a gate that has ended goes to no other', async (t) => {
  const link = new GateLink({} as never);
  const { others } = await ended(link);
  t.after(() => {
    for (const fd of others) closeSync(fd);
  });
  await assert.rejects(link.tree('coder', 0));
  assert.deepEqual(others.filter(came), []);
});
