/** Host keys of services that publish them, so that nobody has to look them up. Only what the service itself says over HTTPS is here:
 *  - github.com: the entry "GitHub's SSH host keys are in the metadata endpoint" of GitHub's changelog (January 2022); they have the
 *    fingerprints under "GitHub's SSH key fingerprints" in its documentation. Its RSA key is left out: it was replaced in March 2023. */
export const KNOWN_HOST_KEYS: Readonly<Record<string, readonly string[]>> = {
  'github.com': [
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl',
    'ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg=',
  ],
};
