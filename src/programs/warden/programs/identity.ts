import { existsSync, openSync } from 'node:fs';
import { credentialName } from '../../../plan/machine.ts';
import type { Places } from '../../../plan/places.ts';

/** Opens the identity for the gateway; we read nothing of it. It is a credential that systemd gave us (systemd.exec(5), CREDENTIALS_DIRECTORY), which
 *  may be encrypted to this machine's TPM, or else root's file. Neither: the gateway keeps no secrets, and says so.
 *  @returns a descriptor, the caller's */
export function openIdentity(places: Places, env: Readonly<Record<string, string | undefined>> = process.env): number {
  const folder = env.CREDENTIALS_DIRECTORY;
  const files = [...(folder?.startsWith('/') ? [`${folder}/${credentialName(places.state)}`] : []), places.identity];
  return openSync(files.find((file) => existsSync(file)) ?? '/dev/null', 'r');
}
