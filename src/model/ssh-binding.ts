import { PORT } from './bounds.ts';
import { isHostPattern } from './hosts.ts';
import { entries, members, text, whole, wrong } from './strict.ts';

/** Where an SSH key of an agent's is for. The key is made and held by the gateway; it signs logins as this user, to a server that
 *  proves to hold one of these host keys, over a connection that went to this host. */
export interface SshBinding {
  /** A name in its one spelling, or an address; never a pattern. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** `TYPE BASE64`, without a comment. */
  readonly hostKeys: readonly string[];
}

export const SSH_PORT = 22;
/** What servers take for a login name; sshd(8) itself has no rule. */
export const SSH_USER: RegExp = /^[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}$/;
const HOST_KEY = /^[a-z0-9-]{1,64} [A-Za-z0-9+/]{40,6000}={0,2}$/;
const MOST_HOST_KEYS = 8;

export function sshBinding(raw: unknown, at: string): SshBinding {
  const given = members(raw, at, ['host', 'port', 'user', 'hostKeys']);
  const one = (key: unknown, at: string): string => text(key, at, 'a host key', (line) => HOST_KEY.test(line));
  const hostKeys = entries(given.hostKeys, `${at}.hostKeys`, one, MOST_HOST_KEYS);
  if (hostKeys.length === 0) throw wrong(`${at}.hostKeys`, 'is empty');
  return {
    host: text(given.host, `${at}.host`, 'a host', (host) => isHostPattern(host) && !host.startsWith('*.')),
    port: whole(given.port, `${at}.port`, PORT),
    user: text(given.user, `${at}.user`, 'a user', (user) => SSH_USER.test(user)),
    hostKeys,
  };
}

/** `git@git.test`, with the port where it is another than 22. */
export function sshText({ user, host, port }: Pick<SshBinding, 'user' | 'host' | 'port'>): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return `${user}@${name}${port === SSH_PORT ? '' : `:${port}`}`;
}
