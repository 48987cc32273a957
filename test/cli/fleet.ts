import type { AgentStatus, MeasuredWall, StatusDocument } from '../../src/model/documents.ts';
import { WALLS } from '../../src/model/enforcement.ts';

/** Ages sit in the middle of their unit, so that a slow test shows the same. */
export const ago = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString();
const MINUTE = 60;
const HOUR = 3600;

export function walls(changes: Readonly<Record<string, Partial<MeasuredWall>>> = {}): MeasuredWall[] {
  return WALLS.map((wall) => ({ wall, level: 'full', probedAt: ago(5.5 * MINUTE), ...changes[wall] }));
}

export function agent(name: string, more: Partial<AgentStatus> = {}): AgentStatus {
  return { name, state: 'running', tier: 'sandbox', since: ago(3.5 * HOUR), pid: 4242, walls: walls(), ...more };
}

export function fleet(agents: readonly AgentStatus[]): StatusDocument {
  return {
    fleet: 'studio',
    agents,
    programs: [
      { name: 'warden', pid: 811, state: 'running' },
      { name: 'gateway', pid: 815, state: 'running' },
      { name: 'ledger', pid: 816, state: 'running' },
    ],
  };
}
