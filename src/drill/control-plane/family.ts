import type { Family } from '../attack.ts';
import { CONTROL_PLANE_LATER } from '../later.ts';
import { otherAgents } from './other-agents.ts';
import { ownWalls } from './own-walls.ts';

/** Lines 97 to 111. */
export const CONTROL_PLANE_FAMILY: Family = {
  attacks: [...ownWalls, ...otherAgents],
  notApplicable: CONTROL_PLANE_LATER,
};
