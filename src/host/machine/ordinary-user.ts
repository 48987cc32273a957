/** Who runs us, where that is not root: then there is nobody else to become, and everything is made under these ids. */
export interface OrdinaryUser {
  readonly uid: number;
  readonly gid: number;
}

/** @returns undefined for root */
export function ordinaryUser(): OrdinaryUser | undefined {
  const uid = process.getuid?.() ?? 0;
  return uid === 0 ? undefined : { uid, gid: process.getgid?.() ?? uid };
}
