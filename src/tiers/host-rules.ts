import { DOOR_PORT, type HostAgent, numbersOf } from './host-net.ts';

/** The one table of a fleet's agents in the host's own network (tier `user`). What an agent sends turns to loopback by routing
 *  (src/host/net/dead-end.ts); here it is told who sent it, and on arrival it is judged:
 *
 *  - TCP to a socket of its own at 127.0.0.0/8 or ::1: its own loopback.
 *  - All other TCP, to whatever address, to the gateway's transparent listener for this agent. Only the first packet of a
 *    connection is judged (nft(8), tproxy). Without a gateway it finds no transparent socket and is dropped.
 *  - UDP to port 53 to the gateway's DNS socket, UDP to its own sockets; all else is rejected and counted.
 *
 *  What it sends to an address of the host itself is found by the kernel's own table and has that address as its source; TCP goes on
 *  to the gateway like any other, so that it is judged and recorded.
 *
 *  It is recognised by its uid, and by its cgroup where a socket has no owner any more or an unusual one. The mark that carries
 *  this to arrival is set as late and read as early as can be, so that other rules, which set marks too, do not get between.
 *
 *  Others of the host reach its published ports and nothing else of it. Connections are tracked for DNS alone.
 *
 *  Paths of cgroups are from the root of the unified hierarchy: src/host/net/host-filter.ts shows nft that one under /sys/fs/cgroup.
 *  @param table  its name
 *  @param fleet  the cgroup above all of them, like `bulkhead/FLEET` */
export function hostRuleset(table: string, fleet: string, agents: readonly HostAgent[]): string {
  const known = agents.map((agent) => ({ ...agent, ...numbersOf(agent.uid), mark: hex(numbersOf(agent.uid).mark) }));
  if (new Set(known.map(({ mark }) => mark)).size < known.length) throw new RangeError('two agents have one mark');
  const set = (values: readonly (string | number)[]): string => `{ ${values.join(', ')} }`;
  const vmap = (to: string, verb = 'goto'): string =>
    set(known.map(({ mark, uid }) => `${mark} : ${verb} ${to}_${uid}`));
  const addresses4 = set(known.map(({ address4 }) => address4));
  const addresses6 = set(known.map(({ address6 }) => address6));
  return `table inet ${table}
delete table inet ${table}
table inet ${table} {
${COUNTERS.map((name) => `  counter ${name} { }`).join('\n')}

  chain identify {
    meta mark set meta skuid map ${set(known.map(({ uid, mark }) => `${uid} : ${mark}`))}
    socket cgroupv2 level ${depth(fleet)} "${fleet}" jump identify_by_cgroup
  }

  chain identify_by_cgroup {
${known.map(({ cgroup, mark }) => `    ${inside(cgroup)} meta mark set ${mark} return`).join('\n')}
  }

  chain track {
    type filter hook output priority raw - 10; policy accept;
    jump identify
    meta mark vmap ${vmap('track')}
    oif lo ip daddr ${addresses4} meta l4proto tcp notrack
    oif lo ip6 saddr != ::1 ip6 daddr ::1 meta l4proto tcp notrack
  }

  chain names {
    type nat hook output priority -100; policy accept;
    udp dport 53 jump identify
    udp dport 53 meta mark vmap ${vmap('names')}
  }

  chain leave {
    type filter hook output priority 1000; policy accept;
    jump identify
    meta mark vmap ${vmap('leave')}
    ip daddr ${addresses4} tcp dport ${DOOR_PORT} ${FIRST} counter name strangers_rejected reject with tcp reset
    ip daddr ${addresses4} udp dport ${DOOR_PORT} counter name strangers_rejected reject with icmpx admin-prohibited
    ip6 daddr ${addresses6} counter name strangers_rejected reject with icmpx admin-prohibited
    meta skuid != 0 ip saddr ${addresses4} ${FIRST} counter name strangers_rejected reject with tcp reset
    oif != lo ip saddr ${addresses4} counter name strays_dropped drop
    oif != lo ip6 saddr ::1 counter name strays_dropped drop
  }

  chain arrive {
    type filter hook prerouting priority -350; policy accept;
    meta mark vmap ${vmap('arrive')}
    iif != lo accept
    ${FIRST} ip saddr vmap ${set(known.map(({ address4, uid }) => `${address4} : goto dialled_${uid}`))}
    ${FIRST} socket cgroupv2 level ${depth(fleet)} "${fleet}" goto published
    udp sport 53 ct direction reply ct status dnat accept
    meta l4proto udp socket cgroupv2 level ${depth(fleet)} "${fleet}" counter name strangers_rejected reject with icmpx port-unreachable
  }

  chain published {
    ip daddr != 127.0.0.0/8 counter name strangers_rejected reject with tcp reset
    ip6 daddr != ::1 counter name strangers_rejected reject with tcp reset
${known
  .filter(({ ports }) => ports.length > 0)
  .map(({ cgroup, ports }) => `    tcp dport ${set(ports)} ${inside(cgroup)} accept\n`)
  .join('')}    counter name strangers_rejected reject with tcp reset
  }
${known.map(agentChains).join('')}}
`;
}

/** Named counters of the table, in the order in which they stand there. */
const COUNTERS = [
  'dns_dropped',
  'tcp_dropped',
  'tcp_rejected',
  'udp_rejected',
  'icmp_rejected',
  'other_rejected',
  'outward_rejected',
  'strangers_rejected',
  'strays_dropped',
];

/** The first packet of a TCP connection. */
const FIRST = 'tcp flags & (syn | ack) == syn';

interface Known {
  readonly uid: number;
  readonly cgroup: string;
  readonly address4: string;
  readonly address6: string;
}

function agentChains({ uid, cgroup, address4, address6 }: Known): string {
  const own = inside(cgroup);
  return `
  chain track_${uid} {
    udp dport 53 limit rate over 1000/second burst 2000 packets counter name dns_dropped drop
    udp dport 53 accept
    notrack
  }

  chain names_${uid} {
    meta nfproto ipv4 udp dport 53 dnat ip to ${address4}:${DOOR_PORT}
    meta nfproto ipv6 udp dport 53 dnat ip6 to [${address6}]:${DOOR_PORT}
  }

  chain leave_${uid} {
    oif != lo counter name outward_rejected reject with icmpx admin-prohibited
    ip daddr != 127.0.0.0/8 meta l4proto tcp fib daddr type local accept
    ip6 daddr != ::1 meta l4proto tcp fib daddr type local accept
    ip saddr != 127.0.0.0/8 counter name outward_rejected reject with icmpx admin-prohibited
    ip6 saddr != ::1 counter name outward_rejected reject with icmpx admin-prohibited
    ip daddr ${address4} tcp dport ${DOOR_PORT} ${FIRST} counter name tcp_rejected reject with tcp reset
    ip6 daddr ${address6} tcp dport ${DOOR_PORT} ${FIRST} counter name tcp_rejected reject with tcp reset
    meta l4proto tcp accept
    ip daddr 127.0.0.0/8 meta l4proto udp accept
    ip6 daddr { ::1, ${address6} } meta l4proto udp accept
    meta l4proto udp counter name udp_rejected reject with icmpx admin-prohibited
    meta l4proto { icmp, icmpv6 } counter name icmp_rejected reject with icmpx admin-prohibited
    counter name other_rejected reject with icmpx admin-prohibited
  }

  chain arrive_${uid} {
    meta mark set 0
    meta l4proto udp goto datagram_${uid}
    meta l4proto != tcp accept
    tcp flags & (syn | ack) != syn accept
    ip daddr 127.0.0.0/8 ${own} accept
    ip6 daddr ::1 ${own} accept
    meta l4proto tcp tproxy ip to ${address4}:${DOOR_PORT} accept
    meta l4proto tcp tproxy ip6 to [${address6}]:${DOOR_PORT} accept
    counter name tcp_dropped drop
  }

  chain datagram_${uid} {
    ip daddr ${address4} udp dport ${DOOR_PORT} accept
    ip6 daddr ${address6} udp dport ${DOOR_PORT} accept
    ${own} accept
    counter name udp_rejected reject with icmpx admin-prohibited
  }

  chain dialled_${uid} {
    ${own} accept
    counter name strangers_rejected reject with tcp reset
  }
`;
}

function inside(cgroup: string): string {
  return `socket cgroupv2 level ${depth(cgroup)} "${cgroup}"`;
}

function depth(cgroup: string): number {
  return cgroup.split('/').length;
}

function hex(mark: number): string {
  return `0x${mark.toString(16)}`;
}
