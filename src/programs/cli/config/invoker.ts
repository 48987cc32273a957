/** Who asks: whose home `~/` is, and who is operator when the file names none. */
export interface Invoker {
  readonly user: string;
  /** Undefined: not known; a path with `~` is then refused. */
  readonly home: string | undefined;
}

/** Under sudo (sudo(8), SUDO_UID) it is the person who typed it, not root. Only root's own environment is believed: another user
 *  who sets the variable gains nothing by it.
 *  @param passwd  the text of /etc/passwd (passwd(5)), read only when needed */
export function invokerOf(
  self: Invoker & { readonly uid: number },
  sudoUid: string | undefined,
  passwd: () => string,
): Invoker {
  if (self.uid !== 0 || sudoUid === undefined || sudoUid === '0' || !/^[0-9]{1,10}$/.test(sudoUid))
    return { user: self.user, home: self.home };
  const entry = passwd()
    .split('\n')
    .map((line) => line.split(':'))
    .find((fields) => fields[2] === sudoUid);
  if (entry?.[0] === undefined) return { user: self.user, home: undefined };
  return { user: entry[0], home: entry[5]?.startsWith('/') ? entry[5] : undefined };
}
