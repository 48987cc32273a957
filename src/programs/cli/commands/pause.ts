import type { Answer, Call } from '../call.ts';
import { switchAgents } from '../switch.ts';

export function run(call: Call): Promise<Answer> {
  return switchAgents('pause', call);
}
