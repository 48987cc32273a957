import { SSH_PORT, type SshBinding } from '../model/ssh-binding.ts';
import type { CompartmentFacts } from './facts.ts';
import { READ } from './inside.ts';
import type { Order } from './orders.ts';

/** Where a compartment with SSH keys finds who signs for it, and whom to trust. The socket is not bound by itself but with its folder:
 *  a gateway that starts anew has a new one. */
const FOLDER = '/run/bulkhead';
const SOCKET_NAME = 'ssh-agent';
const CONFIG = '/etc/ssh/ssh_config';
/** The host's own, in tier `user`. */
const HOST_FOLDER = '/etc/bulkhead/host/ssh';
const KNOWN_HOSTS = '/etc/ssh/ssh_known_hosts';

/** @param folder  of the agent, on the host */
export function signerSocket(folder: string): string {
  return `${folder}/${SOCKET_NAME}`;
}

export const SSH_VARIABLES: Readonly<Record<string, string>> = { SSH_AUTH_SOCK: `${FOLDER}/${SOCKET_NAME}` };

export function sshOrders({ sshFolder, agent, network }: CompartmentFacts, root: string): Order[] {
  if (sshFolder === undefined || agent.ssh === undefined) return [];
  const onHost = network.in === 'host';
  const link = (name: string, to: string): Order => ({
    do: 'link',
    to: `${HOST_FOLDER}/${to}`,
    at: `${root}/etc/ssh/${name}`,
  });
  const folder = (at: string): Order => ({ do: 'dir', at: root + at, mode: '0755' });
  const file = (at: string, text: string): Order => ({ do: 'file', at: root + at, mode: '0444', text });
  return [
    folder(FOLDER),
    { do: 'bind', from: sshFolder, at: root + FOLDER, flags: READ },
    folder('/etc/ssh'),
    file(CONFIG, configFile(agent.ssh, onHost)),
    file(KNOWN_HOSTS, knownHostsFile(agent.ssh)),
    ...(onHost ? [link('ssh_known_hosts2', 'ssh_known_hosts'), link('ssh_config.d', 'ssh_config.d')] : []),
  ];
}

/** Settings of all clients there (ssh_config(5)); what the agent has in its own comes first.
 *  @param onHost  the machine's own follow, where it is seen; in a namespace where root is nobody, ssh refuses files that are included */
export function configFile(bindings: readonly SshBinding[], onHost: boolean): string {
  const hosts = [...new Set(bindings.map(({ host }) => host))];
  return `# Made by Bulkhead: these hosts are known by their keys (${KNOWN_HOSTS}), and logins are signed outside.
Host ${hosts.join(' ')}
  StrictHostKeyChecking yes
  UserKnownHostsFile none
  UpdateHostKeys no
  CheckHostIP no
  ForwardAgent no
  PreferredAuthentications publickey
${onHost ? `Match all\n  Include ${HOST_FOLDER}/ssh_config\n` : ''}`;
}

/** As sshd(8) says under SSH_KNOWN_HOSTS FILE FORMAT: a port other than 22 stands in the name. */
export function knownHostsFile(bindings: readonly SshBinding[]): string {
  const lines = bindings.flatMap(({ host, port, hostKeys }) =>
    hostKeys.map((key) => `${port === SSH_PORT ? host : `[${host}]:${port}`} ${key}\n`),
  );
  return [...new Set(lines)].join('');
}
