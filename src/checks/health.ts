import type { Health } from '../model/documents.ts';

/** Whether the agent's own service answers as its `health:` asks: a status from 200 to 399 does. The agent controls the answer.
 *  @param answer  the fact `health` of src/host/probe.pl: three digits, or words; undefined when the probe did not get there
 *  @param probedAt  ISO 8601, UTC */
export function judgeHealth(answer: string | undefined, probedAt: string): Health {
  if (answer === undefined) return { ok: false, why: 'it could not be asked', probedAt };
  if (/^[23]\d\d$/.test(answer)) return { ok: true, probedAt };
  return { ok: false, why: /^\d{3}$/.test(answer) ? `it answers ${answer}` : answer, probedAt };
}
