import type { Answer, Call } from '../call.ts';
import { doctor } from '../doctor.ts';

export function run({ state }: Call): Promise<Answer> {
  return doctor(state);
}
