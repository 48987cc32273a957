/** What of the host's file system every compartment sees, read-only, besides its programs. Absent is stronger than closed: what
 *  is not listed here or in an exec set is not there. */

/** Trees with shared libraries: they must be mappable as code, so they cannot be noexec. */
export const LIBRARIES: readonly string[] = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/lib64',
  '/usr/lib/locale',
];

/** Trees of data: noexec. */
export const DATA: readonly string[] = [
  '/usr/lib/ssl',
  '/usr/lib/terminfo',
  '/usr/lib/mime',
  '/usr/share/zoneinfo',
  '/usr/share/locale',
  '/usr/share/i18n',
  '/usr/share/terminfo',
  '/usr/share/tabset',
  '/usr/share/ca-certificates',
  '/usr/local/share/ca-certificates',
  '/usr/share/perl',
  '/usr/share/perl5',
  '/usr/share/misc',
  '/usr/share/mime',
  '/usr/share/readline',
  '/etc/ssl/certs',
  '/etc/alternatives',
  '/etc/terminfo',
];

/** Single files of /etc that ordinary programs read; none of them holds a secret. */
export const FILES: readonly string[] = [
  '/etc/ld.so.cache',
  '/etc/ld.so.conf',
  '/etc/timezone',
  '/etc/debian_version',
  '/etc/mime.types',
  '/etc/services',
  '/etc/protocols',
  '/etc/inputrc',
  '/etc/gai.conf',
  '/etc/magic',
  '/etc/ssl/openssl.cnf',
  '/etc/ca-certificates.conf',
  '/usr/lib/os-release',
];

export const DEVICES: readonly string[] = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];

/** Where programs are looked for on the host, first hit first; the same folders are the PATH inside. */
export const PROGRAM_FOLDERS: readonly string[] = ['/usr/local/bin', '/usr/bin', '/usr/local/sbin', '/usr/sbin'];
export const PATH_INSIDE = '/usr/local/bin:/usr/bin:/bin';
