import { existsSync, readFileSync } from 'node:fs';

/** The version of this machine's TPM, as the kernel's driver found it (sysfs, class/tpm; tpm_version_major since Linux 5.6); undefined without one
 *  that can be used. */
export function tpmVersion(sys = '/sys/class/tpm/tpm0', device = '/dev/tpmrm0'): 1 | 2 | undefined {
  const file = `${sys}/tpm_version_major`;
  if (!existsSync(file)) return undefined;
  const major = readFileSync(file, 'utf8').trim();
  if (major === '1') return 1;
  return major === '2' && existsSync(device) ? 2 : undefined;
}
