import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Verification } from '../../../ledger/verify.ts';
import { Failure } from '../../../model/failure.ts';
import { placesOf } from '../../../plan/places.ts';
import { verifyLedger } from '../../ledger/verify.ts';
import type { Answer, Call } from '../call.ts';
import { ours } from '../ours.ts';
import { renderVerification } from '../render/verification.ts';

export async function run({ state, operands, options }: Call): Promise<Answer> {
  const dir = operands[0] === undefined ? placesOf(state).ledger : resolve(operands[0]);
  const checkpoint = fileOf(options.checkpoint);
  const key = fileOf(options.key);
  const found: Verification = await ours(dir, () =>
    verifyLedger(dir, {
      ...(key !== undefined && { key }),
      ...(checkpoint !== undefined && { earlier: [checkpoint] }),
    }),
  );
  return {
    document: { dir, ...found },
    text: (screen) => renderVerification(dir, found, key === undefined, screen),
    exit: found.ok ? 0 : 1,
  };
}

/** @throws Failure `no-file` */
function fileOf(option: string | boolean | undefined): string | undefined {
  if (typeof option !== 'string') return undefined;
  try {
    return readFileSync(option, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Failure('no-file', `${option} cannot be read (${code})`, 'Name a file that was saved before.');
  }
}
