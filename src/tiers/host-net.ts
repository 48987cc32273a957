/** The numbers of an agent in the host's own network (tier `user`): all follow from its uid, so that nothing has to be kept, and
 *  nothing of one agent can meet anything of another. */

/** Of the gateway's listeners, TCP and UDP, at each agent's own address. Below 1024, so that an agent (no capabilities) cannot
 *  listen there first. */
export const DOOR_PORT = 1001;

export interface HostAgent {
  readonly uid: number;
  /** Of its cgroup, like `bulkhead/FLEET/AGENT`, from the root of the unified hierarchy. */
  readonly cgroup: string;
  /** Its own ports that the host's other users may reach on loopback. */
  readonly ports: readonly number[];
}

export interface AgentNumbers {
  /** 127.A.B.C: the source of what it sends away, and where the gateway listens for it. */
  readonly address4: string;
  /** Of a network that nobody has, so that only a transparent socket (IPV6_TRANSPARENT, ipv6(7)) can be bound to it. */
  readonly address6: string;
  /** Of the routing table in which its traffic ends; ip-route(8). */
  readonly table: number;
  /** On its packets between the output hook and arrival on loopback, nowhere else. */
  readonly mark: number;
}

const TABLES = 0x62000000;
/** Clear of the bits that Kubernetes (0x4000, 0x8000), Tailscale (0xff0000: 0x4, 0x8) and WireGuard's own tool look at. */
const MARKS = 0x62680000;
const LARGEST = 0xffffff;

/** @throws RangeError for a uid that does not fit into three bytes, or is no agent's */
export function numbersOf(uid: number): AgentNumbers {
  if (!Number.isInteger(uid) || uid <= 0xff || uid > LARGEST) throw new RangeError(`${uid} is no agent's uid`);
  return {
    address4: `127.${uid >> 16}.${(uid >> 8) & 0xff}.${uid & 0xff}`,
    address6: `fd62:6864::${uid > 0xffff ? `${(uid >> 16).toString(16)}:` : ''}${(uid & 0xffff).toString(16)}`,
    table: TABLES + uid,
    mark: MARKS + (uid & 0x3fff),
  };
}

/** One table of our own for each state, as several may be on one machine.
 *  @param digest  hexadecimal, of the state's path */
export function tableName(digest: string): string {
  return `bulkhead_${digest.slice(0, 12)}`;
}
