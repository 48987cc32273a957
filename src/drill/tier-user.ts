import type { AccessTest, AgentFacts, Attack } from './attack.ts';

/** What a drill says of an agent that lives on the host's own files, in its network and process namespaces. What tier `user` does
 *  not hold is named as such, and never counted as held; what holds the rest is not what holds it in a compartment of its own. */

/** Attacks that nothing stops there: their `tiers` leave it out. */
const NOT_HELD: Readonly<Record<string, string>> = {
  'c42-world-readable': 'it is there for programs that need the host, and reads there what everybody may read',
  'd87-pipe-elsewhere': 'a named pipe that everybody may write to, and is not in /run or /tmp, can be opened by it',
  'e105-host-locks': 'what it may read it may lock, and a program of the host that wants that lock waits',
  'f115-take-port': "the host's ports are its own to listen on, so a service that comes later finds its port taken",
  'd87-socket-elsewhere':
    'a service whose socket is open to everybody, and is not in /run or /tmp, can be reached by it',
  'd88-socket-names': "it is in the host's network, whose sockets everybody may list",
};

/** @returns why it is not tried in tier user, or undefined when it is */
export function notInTierUser(one: Pick<Attack | AccessTest, 'id'>, agent: AgentFacts): string | undefined {
  const why = agent.tier === 'user' ? NOT_HELD[one.id] : undefined;
  return why === undefined ? undefined : `tier user does not hold it: ${why}`;
}

/** What holds an attack there, where it is something else than in a compartment with namespaces of its own. */
export function heldInTierUser({ id, control }: Pick<Attack, 'id' | 'control'>): string {
  const line = Number(/^[a-f](\d+)/.exec(id)?.[1]);
  return CONTROLS[id] ?? BY_LINE[line] ?? control;
}

/** Attacks that the drill tries in this tier and elsewhere alike keep their words. */
const FORCED = "the packet filter sends all of this user's TCP to the gateway, which grants no address by itself";
const REJECTED = "the packet filter rejects all UDP of this user's but DNS";
const OWN_LOOPBACK = "the packet filter lets this user's loopback connections reach its own servers alone";
const RESOLVER = "the packet filter sends all DNS of this user's to us, and only names that policy knows have answers";
const NO_SOCKETS = 'an own /run and /tmp: the sockets that programs keep there are not in sight';
const OTHER_UID = 'another uid: what is closed to others stays closed';
const PROC = 'a /proc that hides what belongs to other users, and another uid';

const BY_LINE: Readonly<Record<number, string>> = {
  1: FORCED,
  2: FORCED,
  3: RESOLVER,
  7: REJECTED,
  25: FORCED,
  29: FORCED,
  30: `${FORCED}, IPv6 as IPv4`,
  26: 'the agent API only reads; policy comes from the warden, which answers root and operators only',
  86: `${NO_SOCKETS}; the spools belong to root`,
  87: NO_SOCKETS,
  89: NO_SOCKETS,
};

const CONTROLS: Readonly<Record<string, string>> = {
  'd69-ungranted-program': 'a stub in its place that asks, and Landlock elsewhere',
  'a06-system-resolver-ipc': NO_SOCKETS,
  'a08-icmp-raw': 'no capability for raw sockets',
  'a08-icmp-ping-socket': 'the filter refuses ping sockets, and the packet filter all ICMP of this user',
  'a10-metadata-direct': FORCED,
  'a28-host-loopback-direct': OWN_LOOPBACK,
  'a28-host-loopback-six': OWN_LOOPBACK,
  'a28-host-loopback-udp': OWN_LOOPBACK,
  'b32-env-scan': `${PROC}; an environment built from nothing`,
  'b37-agent-sockets': `${NO_SOCKETS}; the environment names none`,
  'b38-cred-files':
    'a mount namespace without /home and /root; other homes are closed to others, and the uid is another',
  'b38-product-secrets': 'the state is covered, and another uid',
  'b39-transcript-leak': 'the state is covered, and the home is closed to other uids besides',
  'b40-programs-memory': PROC,
  'c42-parent-traversal': OTHER_UID,
  'c43-symlink-out': OTHER_UID,
  'c51-hardlink': 'links do not cross mounts, and all of the host is read-only',
  'c52-proc-root': `${PROC}; of its own user it sees only what is in the compartment`,
  'd60-tioclinux': 'an own /dev without a console, and the filter refuses the request',
  'd61-victim-memory': PROC,
  'd62-user-namespace': 'the filter refuses the flag and the whole of clone3',
  'd88-abstract-sockets': "Landlock's scope: abstract sockets of processes outside are out of reach",
  'd92-signal-host': `another uid, and Landlock's scope for signals besides`,
  'd92-signal-programs': `another uid, and Landlock's scope for signals besides`,
  'd95-proc-and-sys': 'nothing of it belongs to the agent, and /sys is read-only',
  'd95-cgroup': 'the groups belong to root, and no cgroup file system is in sight',
  'd74-binfmt-misc': "nothing can be mounted, and the registry is root's",
  'd96-set-id-programs': 'no_new_privs, and nosuid on every mount besides',
  'e97-disable-own-sandbox': 'the state is covered; the warden answers root and operators only',
  'e101-log-tamper': 'the record belongs to another principal, and the state is covered',
  'e104-install-write': 'the install belongs to root, and all of the host is read-only',
  'e105-other-files': 'the state is covered, and another uid',
  'e105-signal-other-agent': 'a uid of its own',
  'e105-other-processes': 'a /proc that hides what belongs to other users',
  'e105-own-uid-outside': "Landlock's domain: a process outside of it is neither seen, signalled nor entered",
  'e105-world-writable': 'all of the host is read-only, and every place to write is private',
  'e105-agent-loopback': OWN_LOOPBACK,
  'e109-socketpair-retarget': NO_SOCKETS,
  'f115-self-connect': 'a foreign address cannot be bound in the network of the host',
  'f115-listen-foreign': 'a foreign address cannot be bound in the network of the host',
  'f115-udp-foreign': 'a foreign address cannot be bound in the network of the host',
  'f115-serve-network': 'a program on its cgroup that drops what does not come by loopback',
  'f115-serve-network-udp': 'a program on its cgroup that drops what does not come by loopback',
  'f115-serve-machine': "the packet filter lets nobody but this user's own processes into its servers",
  'f117-other-uid-port':
    "what it sends to any other port of loopback arrives at its own gateway port, never at another agent's",
  'f117-take-door': 'a port below 1024, and no capability',
  'f116-flush': 'a rule of the routing table by uid: every way of this user ends on this machine',
  'f116-chosen-interface':
    'the packet filter, and behind it a routing rule by uid that no choice of an interface gets past',
};
