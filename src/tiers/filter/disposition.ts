/** errno values that differ on no architecture we serve (asm-generic/errno-base.h, errno.h). */
export const ERRNO = { EPERM: 1, ENODEV: 19, ENOSYS: 38, EPROTONOSUPPORT: 93, EAFNOSUPPORT: 97 } as const;
export type Errno = keyof typeof ERRNO;

/** `allow` lets the call through; an errno is what the caller sees instead of it. ENOSYS ("this kernel has no such call") where
 *  programs fall back, EPERM where the call is simply refused. `notify`: the exec gate answers (seccomp_unotify(2)); without one
 *  that listens the kernel itself says ENOSYS. */
export type Outcome = 'allow' | 'notify' | Errno;

/** A condition on the low 32 bits of one argument: the kernel's handlers take `int`, `unsigned` or `umode_t` there and never
 *  see the high ones, so a test that looked at them could be evaded by setting them (attack 108). */
export type Test =
  | { readonly arg: number; readonly anyOf: number }
  | { readonly arg: number; readonly mask: number; readonly oneOf: readonly number[] };

/** The first rule whose tests all hold decides. */
export interface Rule {
  readonly when: readonly Test[];
  readonly gives: Outcome;
}

export type Disposition = Outcome | { readonly rules: readonly Rule[]; readonly otherwise: Outcome };

/** One system call: its numbers (null: this architecture has none) and what becomes of it. */
export interface Syscall {
  readonly name: string;
  readonly x86_64: number | null;
  readonly aarch64: number | null;
  readonly disposition: Disposition;
}

export function call(name: string, x86_64: number | null, aarch64: number | null, disposition: Disposition): Syscall {
  return { name, x86_64, aarch64, disposition };
}

/** Some bit of `mask` is set in argument `arg`. */
export function anyBit(arg: number, mask: number): Test {
  return { arg, anyOf: mask };
}

/** Argument `arg`, after `mask`, is one of `values`. */
export function oneOf(arg: number, values: readonly number[], mask = 0xffff_ffff): Test {
  return { arg, mask, oneOf: values };
}
