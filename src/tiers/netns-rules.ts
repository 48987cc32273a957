import { NTP_PORT } from '../model/bounds.ts';

/** The one table of a compartment's network namespace, and the numbers it is built on. */

/** The transparent listener. Below 1024, so that an agent (no capabilities) can never listen there first. */
export const TRANSPARENT_PORT = 1001;
export const DNS_PORT = 53;

/** `lo` has a local default route, so every address is local; these rules say what arrives where:
 *
 *  - TCP to anything but 127.0.0.0/8 and ::1 goes to the transparent listener. Only the first packet of a connection is judged
 *    (nft(8), tproxy): later ones find their socket by themselves. If nobody listens, or if the agent connects to itself, tproxy
 *    finds no transparent socket and the next rule drops: no gateway, no network.
 *  - UDP to port 53 goes to our DNS socket, rewritten in nat output, so that answers come from the address that was asked.
 *  - UDP to port 123 goes to our socket for the time in the same way. The gateway must know which server was asked, and a datagram that was
 *    rewritten does not say: so its source becomes the address that it was sent to, whatever source the agent chose. The answer finds
 *    its way back to that source, from that address.
 *  - All else (other UDP, echo requests, SCTP and so on) is rejected and counted. ICMP errors are the kernel's own answers to
 *    that, and pass. The listener's own address is closed to direct connections.
 *
 *  Connections are tracked for DNS and the time alone (the rewriting needs it), and questions are held to a rate before that, so that an agent
 *  cannot fill the kernel's memory with tracked ones.
 *
 *  Loading it again replaces the whole table in one transaction. */
export function netnsRuleset(): string {
  return `table inet bulkhead
delete table inet bulkhead
table inet bulkhead {
  counter dns_dropped { }
  counter ntp_dropped { }
  counter tcp_dropped { }
  counter udp_rejected { }
  counter icmp_rejected { }
  counter other_rejected { }

  chain untracked_out {
    type filter hook output priority raw; policy accept;
    udp dport ${DNS_PORT} limit rate over 1000/second burst 2000 packets counter name dns_dropped drop
    udp dport ${NTP_PORT} limit rate over 50/second burst 100 packets counter name ntp_dropped drop
    meta l4proto udp udp dport { ${DNS_PORT}, ${NTP_PORT} } accept
    meta l4proto udp udp sport { ${DNS_PORT}, ${NTP_PORT} } accept
    meta l4proto { icmp, icmpv6 } accept
    notrack
  }

  chain untracked_in {
    type filter hook prerouting priority raw; policy accept;
    meta l4proto udp udp dport { ${DNS_PORT}, ${NTP_PORT} } accept
    meta l4proto udp udp sport { ${DNS_PORT}, ${NTP_PORT} } accept
    meta l4proto { icmp, icmpv6 } accept
    notrack
  }

  chain arrive {
    type filter hook prerouting priority mangle; policy accept;
    meta l4proto tcp tcp flags & (syn | ack) == syn ip daddr != 127.0.0.0/8 tproxy ip to 127.0.0.1:${TRANSPARENT_PORT} accept
    meta l4proto tcp tcp flags & (syn | ack) == syn ip6 daddr != ::1 tproxy ip6 to [::1]:${TRANSPARENT_PORT} accept
    meta l4proto tcp tcp flags & (syn | ack) == syn ip daddr != 127.0.0.0/8 counter name tcp_dropped drop
    meta l4proto tcp tcp flags & (syn | ack) == syn ip6 daddr != ::1 counter name tcp_dropped drop
  }

  chain names {
    type nat hook output priority -100; policy accept;
    ip daddr != 127.0.0.0/8 udp dport 53 redirect to :${DNS_PORT}
    ip6 daddr != ::1 udp dport 53 redirect to :${DNS_PORT}
    ip daddr != 127.0.0.0/8 udp dport ${NTP_PORT} redirect to :${NTP_PORT}
    ip6 daddr != ::1 udp dport ${NTP_PORT} redirect to :${NTP_PORT}
  }

  chain asked {
    type nat hook postrouting priority 100; policy accept;
    meta nfproto ipv4 udp dport ${NTP_PORT} snat ip to ct original ip daddr
    meta nfproto ipv6 udp dport ${NTP_PORT} snat ip6 to ct original ip6 daddr
  }

  chain leave {
    type filter hook output priority filter; policy drop;
    ip daddr 127.0.0.0/8 tcp dport ${TRANSPARENT_PORT} tcp flags & (syn | ack) == syn reject with tcp reset
    ip6 daddr ::1 tcp dport ${TRANSPARENT_PORT} tcp flags & (syn | ack) == syn reject with tcp reset
    ip daddr 127.0.0.0/8 accept
    ip6 daddr ::1 accept
    meta l4proto tcp accept
    udp sport { ${DNS_PORT}, ${NTP_PORT} } accept
    icmp type { destination-unreachable, time-exceeded, parameter-problem } accept
    icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept
    meta l4proto udp counter name udp_rejected reject with icmpx admin-prohibited
    meta l4proto { icmp, icmpv6 } counter name icmp_rejected reject with icmpx admin-prohibited
    counter name other_rejected reject with icmpx admin-prohibited
  }
}
`;
}
