import { answerQuestion } from '../answering.ts';
import type { Answer, Call } from '../call.ts';

export function run(call: Call): Promise<Answer> {
  return answerQuestion('approve', call);
}
