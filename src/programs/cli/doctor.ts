import { judgeMachine, runsSandbox } from '../../checks/machine/judge.ts';
import { gatherHost } from '../../host/machine/machine-facts.ts';
import type { Answer } from './call.ts';
import { renderDoctor } from './render/doctor.ts';

/** @returns exit 3 when this machine cannot run tier sandbox */
export async function doctor(state: string): Promise<Answer> {
  const facts = await gatherHost(state);
  const rows = judgeMachine(facts);
  const findings = rows.flatMap(({ finding }) => finding ?? []);
  return {
    document: { facts, findings },
    text: (screen) => renderDoctor(facts, rows, screen),
    exit: runsSandbox(rows) ? 0 : 3,
  };
}
