import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { badElevatedPath, digestOf, elevatedPrograms } from '../../src/host/elevate/elevated-programs.ts';
import { removeTree } from '../../src/host/files/mounts.ts';
import { notRootsAlone } from '../../src/host/files/writable.ts';
import { Failure } from '../../src/model/failure.ts';
import type { WantedAgent } from '../../src/model/fleet.ts';
import { parseFleet } from '../../src/programs/cli/config/parse.ts';

const READING = { source: '/srv/fleet/fleet.yaml', home: '/home/you', user: 'you' };

function agent(entry: string, more = ''): WantedAgent {
  const { agents } = parseFleet(`fleet: x\nagents:\n  a:\n${more}    elevated: [${entry}]\n`, READING);
  return agents[0] ?? assert.fail();
}

test('what is root’s alone is the file with every folder above it', () => {
  assert.equal(notRootsAlone('/usr/bin/true'), undefined);
  assert.equal(notRootsAlone('/tmp/x'.slice(0, 4)), '/tmp');
  const folder = mkdtempSync(join(tmpdir(), 'bh-alone-'));
  try {
    writeFileSync(join(folder, 'f'), '');
    assert.notEqual(notRootsAlone(join(folder, 'f')), undefined);
    assert.match(badElevatedPath(join(folder, 'f')) ?? '', /changed by others than root/);
    mkdirSync(join(folder, 'd'));
    symlinkSync('d', join(folder, 'l'));
    assert.match(badElevatedPath(join(folder, 'l', 'x')) ?? '', /a link leads to it/);
    assert.match(badElevatedPath(join(folder, 'l')) ?? '', /is a link/);
    assert.match(badElevatedPath(join(folder, 'no', 'x')) ?? '', /not there/);
    const before = digestOf(join(folder, 'f'));
    writeFileSync(join(folder, 'f'), 'x');
    assert.notEqual(digestOf(join(folder, 'f')), before, 'a file that changed is read again');
    chmodSync(folder, 0o700);
  } finally {
    removeTree(folder);
  }
});

test('without root, or in tier user without a gate, a command outside is refused with what to do', () => {
  const rule = '{ run: [sync], as: root }';
  const you = { uid: 1000, gid: 1000 } as Parameters<typeof elevatedPrograms>[1];
  const why = (act: () => unknown): string => {
    try {
      act();
    } catch (error) {
      if (error instanceof Failure) return `${error.message}\n${error.hint}`;
      throw error;
    }
    return assert.fail('accepted');
  };
  assert.match(
    why(() => elevatedPrograms(agent(rule), you)),
    /needs root\.\nsudo bulkhead up/,
  );
  assert.match(
    why(() => elevatedPrograms(agent(rule, '    tier: user\n    exec: { ask: never }\n'), undefined)),
    /tier user has none\.\nexec: \{ ask: on-miss \}/,
  );
  assert.match(
    why(() => elevatedPrograms(agent('{ run: [no-such-program], as: root }'), undefined)),
    /not on this machine/,
  );
  assert.match(
    why(() => elevatedPrograms(agent('{ run: [sync], as: no-such-user }'), undefined)),
    /no user of this machine/,
  );
  const [found] = elevatedPrograms(agent(rule), undefined);
  assert.match(found?.file ?? '', /\/sync$/);
  assert.match(found?.digest ?? '', /^[0-9a-f]{64}$/);
});
