import { credentialName, groundOf } from '../../plan/machine.ts';
import type { Places } from '../../plan/places.ts';

/** What `secrets identity` found out about the key that opens the sealed secrets. */
export interface Found {
  /** Root's file is there. */
  readonly file: boolean;
  /** What systemd would give the warden is there. */
  readonly sealed: boolean;
  readonly inUse: 'yes' | 'no' | 'unknown';
  /** Process 1 is systemd, and this is root. */
  readonly systemd: boolean;
  readonly tpm: 1 | 2 | undefined;
}

/** What to do about it, in lines; commands are indented by two.
 *  @param credential  the file that systemd-creds(1) is to write */
export function identityAdvice(
  { state, identity, secrets }: Pick<Places, 'state' | 'identity' | 'secrets'>,
  credential: string,
  { file, sealed, inUse, systemd, tpm }: Found,
): string[] {
  if (!file && !sealed)
    return [`Bring it back. To begin anew, without the secrets: rm ${secrets}/recipient && bulkhead up`];
  if (!systemd) return ['systemd does not run here, so it can only be a file.'];
  const { unit } = groundOf(state);
  if (file && sealed && inUse === 'yes')
    return [
      `Keep a copy of ${identity} off this machine: what encrypted it can be lost or changed${tpm === 2 ? ' (a TPM is cleared; settings of Secure Boot change)' : ''}.`,
      `Then, once systemctl restart ${unit} shows that systemd gives it: shred -u ${identity}`,
    ];
  if (!file && inUse === 'no')
    return [
      `See why systemd does not give it: journalctl -u ${unit}. If what encrypted it is gone or changed, only a copy of ${identity} helps.`,
    ];
  if (!file || sealed) return [];
  const name = credentialName(state);
  const dropIn = `/etc/systemd/system/${unit}.d`;
  return [
    `To have it encrypted ${tpm === 2 ? 'to this TPM' : 'by a key of this host (no TPM)'} instead (systemd-creds(1)):`,
    ...(tpm === 2 ? ['  apt-get install tpm2-tools    # the libraries by which systemd speaks to a TPM'] : []),
    `  mkdir -p /etc/credstore.encrypted ${dropIn}`,
    `  systemd-creds encrypt --with-key=${tpm === 2 ? 'tpm2' : 'host'} --name=${name} ${identity} ${credential}`,
    `  printf '[Service]\\nLoadCredentialEncrypted=${name}:${credential}\\n' > ${dropIn}/identity.conf`,
    `  systemctl daemon-reload && systemctl restart ${unit}`,
  ];
}
