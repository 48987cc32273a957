import assert from 'node:assert/strict';
import { test } from 'node:test';
import { familyOf, type Kin } from '../../src/host/processes/family.ts';

test('a family is children of children, and who is in a session or group that one of them leads', () => {
  const kin = (pid: number, parent: number, group: number, session: number): Kin => ({ pid, parent, group, session });
  const all = [
    kin(1, 0, 1, 1),
    kin(10, 1, 10, 10), // the root
    kin(13, 12, 10, 10),
    kin(12, 10, 10, 10),
    kin(14, 1, 10, 10), // its parent has ended; in the root's group
    kin(15, 13, 15, 15), // in a session of its own
    kin(16, 1, 15, 15), // orphaned in that one
    kin(20, 1, 20, 20),
    kin(21, 20, 20, 20),
  ];
  assert.deepEqual([...familyOf([10], all)].sort(), [10, 12, 13, 14, 15, 16]);
});
