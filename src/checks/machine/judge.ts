import type { Finding } from '../finding.ts';
import { kernel, launcher, node, root } from './base.ts';
import type { MachineCheck } from './check.ts';
import { bubblewrap, disk, execGate, network, space, syscalls, userNamespaces } from './compartment.ts';
import type { HostFacts } from './facts.ts';
import { freeze, limits } from './limits.ts';
import { boot, landlock, ptrace, terminals, tree } from './posture.ts';
import { tierUser } from './tier-user.ts';

/** In the order they are shown: what everything rests on, the walls, then what only helps. */
export const MACHINE_CHECKS: readonly MachineCheck[] = [
  ...[kernel, node, launcher, root, userNamespaces, bubblewrap, disk, syscalls, execGate, network, freeze, limits],
  ...[tierUser, space, tree, boot, landlock, ptrace, terminals],
];

export interface Row {
  readonly id: string;
  readonly subject: string;
  /** Undefined: it is as it should be. */
  readonly finding?: Finding;
  readonly evidence: string;
  readonly unknown?: true;
}

export function judgeMachine(facts: HostFacts): Row[] {
  return MACHINE_CHECKS.map(({ id, subject, judge }) => {
    const judged = judge(facts);
    if ('ok' in judged) return { id, subject, evidence: judged.ok };
    const { unknown, ...rest } = judged;
    return { id, subject, evidence: rest.evidence, finding: { id, subject, ...rest }, ...(unknown && { unknown }) };
  });
}

export function runsSandbox(rows: readonly Row[]): boolean {
  return !rows.some(({ finding }) => finding?.severity === 'critical');
}
