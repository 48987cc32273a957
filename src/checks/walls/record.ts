import { fullUnless, type Judge, none } from './facts.ts';

/** The record is being written, by somebody else than the agent. */
export const record: Judge = (facts, expected) => {
  const { ledger } = facts.outside;
  if (!ledger.answers) return none(ledger.why ?? 'the ledger does not answer');
  return fullUnless([
    ledger.uid === undefined && 'who runs the ledger is not known',
    ledger.uid === expected.uid &&
      (expected.rootless
        ? 'the ledger runs under your uid: what runs as you outside a compartment can change the record'
        : 'the ledger runs as the agent'),
    ledger.uid === 0 && 'the ledger runs as root',
  ]);
};
