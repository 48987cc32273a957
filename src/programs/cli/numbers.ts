import { Failure } from '../../model/failure.ts';

/** The value of an option that counts something. @throws Failure `usage`, exit 2 */
export function counted(option: string, raw: string | boolean | undefined, otherwise: number, most: number): number {
  if (raw === undefined) return otherwise;
  if (typeof raw === 'string' && /^\d{1,9}$/u.test(raw) && Number(raw) <= most) return Number(raw);
  throw new Failure(
    'usage',
    `${option} takes a number, not ${JSON.stringify(raw)}`,
    `A whole number from 0 to ${most}.`,
  );
}
