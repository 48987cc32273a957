import { and, branch, type Code, give, JUMP_ANY_BIT, JUMP_EQUAL, JUMP_NOT_BELOW, load } from './bpf.ts';
import { type Disposition, ERRNO, type Outcome, type Rule, type Test } from './disposition.ts';

/** struct seccomp_data {int nr; u32 arch; u64 instruction_pointer; u64 args[6]} (linux/seccomp.h), little-endian: the low half
 *  of an argument comes first. */
export const NR_OFFSET = 0;
export const ARCH_OFFSET = 4;
const argumentOffset = (arg: number): number => 16 + 8 * arg;

/** SECCOMP_RET_* (linux/seccomp.h) */
export const RETURN_KILL_PROCESS = 0x8000_0000;
export const RETURN_ERRNO = 0x0005_0000;
const RETURN_USER_NOTIF = 0x7fc0_0000;
export const RETURN_ALLOW = 0x7fff_0000;

/** Numbers from `first` up to the next range's first share one disposition. */
export interface Range {
  readonly first: number;
  readonly disposition: Disposition;
}

/** Neighbours of one disposition together; numbers between the known ones are ENOSYS.
 *  @param known  ascending by number, no number twice */
export function ranges(known: readonly { readonly nr: number; readonly disposition: Disposition }[]): Range[] {
  const found: Range[] = [{ first: 0, disposition: 'ENOSYS' }];
  let next = 0;
  const add = (first: number, disposition: Disposition): void => {
    if (found.at(-1)?.first === first) found.pop();
    if (found.at(-1)?.disposition !== disposition) found.push({ first, disposition });
  };
  for (const { nr, disposition } of known) {
    if (nr > next) add(next, 'ENOSYS');
    add(nr, disposition);
    next = nr + 1;
  }
  add(next, 'ENOSYS');
  return found;
}

/** Binary search over the ranges; the accumulator holds the number. Comparisons with constants only, so that the kernel (5.11
 *  and later) finds out by itself which numbers are always allowed and does not run the program for them. */
export function search(among: readonly Range[]): Code {
  const [only] = among;
  if (only === undefined) throw new RangeError('no ranges');
  if (among.length === 1) return decide(only.disposition);
  const middle = Math.ceil(among.length / 2);
  const pivot = among[middle] as Range;
  return branch(JUMP_NOT_BELOW, pivot.first, search(among.slice(middle)), search(among.slice(0, middle)));
}

function decide(disposition: Disposition): Code {
  if (typeof disposition === 'string') return give(verdict(disposition));
  return disposition.rules.reduceRight<Code>(
    (otherwise, rule) => onRule(rule, otherwise),
    give(verdict(disposition.otherwise)),
  );
}

/** Straight-line: each test that fails jumps over what is left of its rule to the next one. */
function onRule({ when, gives }: Rule, next: Code): Code {
  let body = give(verdict(gives));
  for (const test of when.toReversed()) body = [...onTest(test, body.length), ...body];
  return [...body, ...next];
}

function onTest(test: Test, over: number): Code {
  const loaded = load(argumentOffset(test.arg));
  if ('anyOf' in test) return [...loaded, { code: JUMP_ANY_BIT, jt: 0, jf: over, k: test.anyOf }];
  const masked = test.mask === 0xffff_ffff ? [] : and(test.mask);
  const last = test.oneOf.length - 1;
  const jumps = test.oneOf.map((k, index) => ({
    code: JUMP_EQUAL,
    jt: last - index,
    jf: index === last ? over : 0,
    k,
  }));
  return [...loaded, ...masked, ...jumps];
}

function verdict(outcome: Outcome): number {
  if (outcome === 'notify') return RETURN_USER_NOTIF;
  return outcome === 'allow' ? RETURN_ALLOW : RETURN_ERRNO | ERRNO[outcome];
}
