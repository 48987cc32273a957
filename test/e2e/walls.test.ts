import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AgentStatus, StatusDocument } from '../../src/model/documents.ts';
import { SABOTAGE } from './sabotage.ts';
import { NOT_ROOT, type Stand, withFleetBeside } from './stand.ts';

const ONE = `
defaults:
  limits: { memory: 128M, processes: 64, cpu: 100%, disk: 64M }
agents:
  one: {}
`;

interface Measured {
  readonly exit: number | null;
  readonly one: AgentStatus;
  readonly document: StatusDocument;
  /** Wall by wall, its level and what is said of it; full walls left out. */
  readonly holes: Readonly<Record<string, string>>;
}

async function measure(stand: Stand): Promise<Measured> {
  const { status, json, stderr } = await stand.bulkhead(['status', '--probe', '--json']);
  const document = json as StatusDocument;
  const one = document?.agents.find(({ name }) => name === 'one');
  assert.ok(one, stderr);
  const holes = one.walls
    .filter(({ level }) => level !== 'full')
    .map((wall) => [wall.wall, `${wall.level}: ${(wall.missing ?? [wall.why]).join('; ')}`]);
  return { exit: status, one, document, holes: Object.fromEntries(holes) };
}

test('a wall that is taken down by hand is seen at the next probe, and no other is blamed', {
  skip: NOT_ROOT,
}, async (t) => {
  await withFleetBeside(ONE, async (stand) => {
    const { one, document, holes } = await measure(stand);
    assert.deepEqual(holes, {});
    const pid = (name: string): number => document.programs.find((program) => program.name === name)?.pid ?? 0;
    const target = {
      ...{ state: stand.state, fleet: stand.fleet, agent: 'one', firstPid: one.pid ?? 0 },
      ...{ gateway: pid('gateway'), ledger: pid('ledger') },
    };
    for (const { what, wall, says, down } of SABOTAGE)
      await t.test(what, async () => {
        const undo = down(target);
        let fallen: Measured;
        try {
          fallen = await measure(stand);
        } finally {
          undo();
        }
        assert.match(fallen.holes[wall] ?? 'full', says);
        assert.deepEqual((await measure(stand)).holes, {}, 'put back, it stands again');
      });
  });
});
