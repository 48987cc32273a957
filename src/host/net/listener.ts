import { readFileSync } from 'node:fs';

const LISTENING = '0A'; // TCP_LISTEN (include/net/tcp_states.h)

/** Whose listening TCP socket 127.0.0.1 leads to at this port, in our own network namespace (proc_net_tcp). A socket on 0.0.0.0
 *  or :: gets what nobody has bound more closely, so it counts only where there is none at 127.0.0.1 itself.
 *  @returns the uid that made the socket; undefined when nobody listens there */
export function listenerUid(port: number, table: string = readFileSync('/proc/net/tcp', 'utf8')): number | undefined {
  const at = port.toString(16).toUpperCase().padStart(4, '0');
  const found = table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === LISTENING && local?.endsWith(`:${at}`));
  const nearest = found.find(([, local]) => local?.startsWith(LOOPBACK)) ?? found[0];
  return nearest === undefined ? undefined : Number(nearest[7]);
}

/** 127.0.0.1 as the kernel prints it: the address in network order, as a number of this machine (both ours are little-endian). */
const LOOPBACK = '0100007F:';
