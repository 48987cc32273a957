import { resolve } from 'node:path';
import { placesOf } from '../../../plan/places.ts';
import { shown } from '../../../policy/display.ts';
import { exportLedger } from '../../ledger/verify.ts';
import type { Answer, Call } from '../call.ts';
import { ours } from '../ours.ts';

export async function run({ state, operands }: Call): Promise<Answer> {
  const from = placesOf(state).ledger;
  const dir = resolve(operands[0] ?? '');
  const { size, checkpoint } = await ours(from, () => exportLedger(from, dir));
  return {
    document: { dir, size, checkpoint },
    text: () =>
      `${size} entries are in ${shown(dir)}, with the head that signs them.\nAnybody can check it: bulkhead ledger verify ${shown(dir)}`,
  };
}
