import type { SshKeyEntry } from '../../../model/documents.ts';
import { Failure } from '../../../model/failure.ts';
import { sshText } from '../../../model/ssh-binding.ts';

interface Choice {
  readonly agent?: string | undefined;
  /** HOST, HOST:PORT or USER@HOST. */
  readonly host?: string | undefined;
}

/** @param one  several are a mistake
 *  @throws Failure `no-such-key`, `which-key` */
export function chosenKeys(all: readonly SshKeyEntry[], { agent, host }: Choice, one: boolean): SshKeyEntry[] {
  const found = all.filter(
    (key) =>
      (agent === undefined || key.agent === agent) &&
      (host === undefined || [key.host, `${key.host}:${key.port}`, sshText(key)].includes(host)),
  );
  const known = all.map((key) => `${key.agent} ${sshText(key)}`).join(', ') || 'none: ssh in fleet.yaml makes some';
  if (found.length === 0 && (agent !== undefined || one))
    throw new Failure('no-such-key', 'There is no such SSH key.', `There is: ${known}`, 1);
  if (one && found.length > 1)
    throw new Failure('which-key', `There are ${found.length} such SSH keys.`, `Name one: ${known}`, 2);
  return found;
}

/** As an authorized_keys file may have it (sshd(8)): what is not a key is a comment. */
export function renderSshKeys(keys: readonly SshKeyEntry[]): string {
  if (keys.length === 0) return 'No agent has an SSH key. Say where one may log in: ssh in fleet.yaml.';
  return keys.map((key) => key.public ?? `# ${sshText(key)}, ${key.agent}: ${mend(key)}`).join('\n');
}

export function mend({ agent, host, state }: SshKeyEntry): string {
  const renew = `bulkhead secrets ssh ${agent} ${host} --renew`;
  return state === 'damaged' ? `its key does not open; make another: ${renew}` : 'its key is not made yet: bulkhead up';
}

/** What up says of keys that it has made. */
export function toRegister(keys: readonly SshKeyEntry[]): string[] {
  return keys.flatMap((key) => [
    `${key.agent} logs in to ${sshText(key)} with a key of its own. Register it there (a deploy key; with write access if it is to push):`,
    `  ${key.public}`,
  ]);
}
