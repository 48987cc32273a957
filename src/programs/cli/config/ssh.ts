import type { EgressRule } from '../../../model/fleet.ts';
import { SSH_PORT, SSH_USER, type SshBinding, sshText } from '../../../model/ssh-binding.ts';
import { grants, ruleText } from '../../../policy/egress.ts';
import { KNOWN_HOST_KEYS } from '../../../policy/ssh-hosts.ts';
import { keyLine, readKeyLine } from '../../../protocol/ssh-key.ts';
import { egressRule } from './egress.ts';
import type { EnvInFile, SshInFile } from './file.ts';
import { type Path, pathText, quoted } from './shown.ts';
import { settled, type Where } from './where.ts';

const SOCKET_VARIABLE = 'SSH_AUTH_SOCK';

/** Where an agent's SSH keys are for. A destination must be one that `egress` grants: a key opens nothing. */
export function sshBindings(
  where: Where,
  agent: Path,
  given: readonly SshInFile[],
  egress: readonly EgressRule[],
  env: EnvInFile,
): SshBinding[] {
  if (given.length > 0 && Object.hasOwn(env, SOCKET_VARIABLE))
    throw where.document.failure(
      'refused-env',
      [...agent, 'env', SOCKET_VARIABLE],
      `${SOCKET_VARIABLE} is set by Bulkhead where there is ssh, in ${pathText([...agent, 'env'])}`,
      'Take it out.',
      'key',
    );
  const found = given.map((entry, i) => binding(where, [...agent, 'ssh', i], agent, entry, egress));
  const twice = found.findIndex((one, i) => found.findIndex((other) => sshText(other) === sshText(one)) !== i);
  if (twice < 0) return found;
  const at = [...agent, 'ssh', twice];
  const message = `${sshText(found[twice] as SshBinding)} stands twice in ${pathText([...agent, 'ssh'])}`;
  throw where.document.failure('duplicate-entry', at, message, 'Keep one of the two.');
}

function binding(where: Where, at: Path, agent: Path, entry: SshInFile, egress: readonly EgressRule[]): SshBinding {
  const port = entry.port ?? SSH_PORT;
  const { host } = settled(where, 'bad-host', [...at, 'host'], egressRule({ host: entry.host }));
  if (host.startsWith('*.'))
    throw where.document.failure(
      'bad-host',
      [...at, 'host'],
      `${quoted(entry.host)} is not one host, in ${pathText(at)}`,
      'Name the one host that the key is for.',
    );
  const user = entry.user ?? 'git';
  if (!SSH_USER.test(user))
    throw where.document.failure(
      'bad-value',
      [...at, 'user'],
      `${quoted(user)} is not a user to log in as, in ${pathText(at)}`,
      'Write the login name, such as git.',
    );
  mustBeGranted(where, at, agent, { host, port }, egress);
  return { host, port, user, hostKeys: hostKeys(where, at, host, entry) };
}

/** Without one nobody could tell the server from somebody in between. */
function hostKeys(where: Where, at: Path, host: string, entry: SshInFile): string[] {
  const given = entry['host-key'];
  if (given === undefined) {
    const known = Object.hasOwn(KNOWN_HOST_KEYS, host) ? KNOWN_HOST_KEYS[host] : undefined;
    if (known) return [...known];
    throw where.document.failure(
      'no-host-key',
      at,
      `the host key of ${host} is not known, in ${pathText(at)}`,
      `Add host-key: "ssh-ed25519 AAAA...", as ${host} publishes it (on the server: /etc/ssh/ssh_host_ed25519_key.pub).`,
    );
  }
  const lines = [given].flat().map((line) => {
    const key = readKeyLine(line);
    if (key) return keyLine(key);
    throw where.document.failure(
      'bad-host-key',
      [...at, 'host-key'],
      `${quoted(line)} is not a host key, in ${pathText(at)}`,
      'Write it as in known_hosts, without the name: "ssh-ed25519 AAAA..." (also ecdsa-sha2-nistp..., ssh-rsa from 2048 bits).',
    );
  });
  return [...new Set(lines)];
}

function mustBeGranted(
  where: Where,
  at: Path,
  agent: Path,
  to: { readonly host: string; readonly port: number },
  egress: readonly EgressRule[],
): void {
  if (grants(egress, to)) return;
  throw where.document.failure(
    'ssh-unreachable',
    at,
    `the key is for ${to.host}:${to.port}, which egress does not grant, in ${pathText(at)}`,
    `Add it to ${pathText([...agent, 'egress'])}: ${ruleText(to)}`,
  );
}
