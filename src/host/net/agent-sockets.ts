import { closeSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { Failure } from '../../model/failure.ts';
import { type Address, addressBytes } from '../../protocol/address.ts';
import { bind, connect, errno, listen, setsockopt, socket } from '../libc.ts';

/** The gateway's sockets for one agent, and connections to an agent's own, in the network namespace we run in. */
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SOL_IP = 0;
const IP_TRANSPARENT = 19;
const SOL_IPV6 = 41;
const IPV6_V6ONLY = 26;
const IPV6_TRANSPARENT = 75;
const EINPROGRESS = 115;
const BACKLOG = 1024;
const ONE = Buffer.from([1, 0, 0, 0]);

export const LOOPBACK4 = '127.0.0.1';
export const LOOPBACK6 = '::1';

export interface AgentSockets {
  readonly tcp4: number;
  readonly tcp6: number;
  readonly dns4: number;
  readonly dns6: number;
  /** Absent where nobody is answered about the time. */
  readonly ntp4?: number;
  readonly ntp6?: number;
}

export interface Door {
  readonly address4: string;
  /** May be nobody's: the sockets are transparent (ipv6(7), IPV6_TRANSPARENT), which needs CAP_NET_ADMIN. */
  readonly address6: string;
  readonly tcp: number;
  readonly dns: number;
  readonly ntp?: number;
}

/** Opens two transparent listeners, two DNS sockets and perhaps two for the time, non-blocking and close-on-exec. The caller owns the descriptors. */
export function socketsAt({ address4, address6, tcp, dns, ntp }: Door): AgentSockets {
  const opened: number[] = [];
  try {
    for (const at of [address4, address6]) {
      opened.push(bound(SOCK_STREAM, at, tcp, true));
      checked(listen(opened.at(-1) ?? -1, BACKLOG), 'listen');
    }
    for (const port of ntp === undefined ? [dns] : [dns, ntp])
      for (const at of [address4, address6])
        opened.push(bound(SOCK_DGRAM, at, port, at !== LOOPBACK4 && at !== LOOPBACK6));
  } catch (error) {
    for (const fd of opened) closeSync(fd);
    throw error;
  }
  return agentSockets(opened);
}

/** @param opened  in the order of their names */
export function agentSockets(opened: readonly number[]): AgentSockets {
  const [tcp4 = -1, tcp6 = -1, dns4 = -1, dns6 = -1, ntp4, ntp6] = opened;
  return { tcp4, tcp6, dns4, dns6, ...(ntp4 !== undefined && ntp6 !== undefined && { ntp4, ntp6 }) };
}

/** A connection to 127.0.0.1:port, non-blocking: it may still be under way (the agent controls whether it is ever accepted, so
 *  nobody waits for it here).
 *  @param from  the address it comes from, if that matters
 *  @throws Failure `nothing-listens` */
export function dialAt(port: number, from?: string): number {
  const fd = from === undefined ? opened(SOCK_STREAM, LOOPBACK4) : bound(SOCK_STREAM, from, 0, false);
  const to = socketAddress(LOOPBACK4, port);
  if (connect(fd, to, to.length) === 0 || errno() === EINPROGRESS) return fd;
  closeSync(fd);
  throw nothingListens(port);
}

export function nothingListens(port: number): Failure {
  return new Failure(
    'nothing-listens',
    `nothing listens on port ${port} inside the compartment`,
    'Start the program that serves it; it must listen on 127.0.0.1 or on all addresses.',
    1,
  );
}

function bound(type: number, address: string, port: number, transparent: boolean): number {
  const fd = opened(type, address);
  try {
    const six = isIPv6(address);
    if (transparent) option(fd, six ? SOL_IPV6 : SOL_IP, six ? IPV6_TRANSPARENT : IP_TRANSPARENT);
    if (type === SOCK_STREAM) option(fd, SOL_SOCKET, SO_REUSEADDR);
    if (six) option(fd, SOL_IPV6, IPV6_V6ONLY);
    const at = socketAddress(address, port);
    checked(bind(fd, at, at.length), `bind to ${address} port ${port}`);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function opened(type: number, address: string): number {
  const family = isIPv6(address) ? AF_INET6 : AF_INET;
  return checked(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), 'socket');
}

function option(fd: number, level: number, name: number): void {
  checked(setsockopt(fd, level, name, ONE, 4), `setsockopt ${level} ${name}`);
}

/** struct sockaddr_in (ip(7)) or struct sockaddr_in6 (ipv6(7)). */
function socketAddress(address: string, port: number): Buffer {
  const six = isIPv6(address);
  const at = Buffer.alloc(six ? 28 : 16);
  at.writeUInt16LE(six ? AF_INET6 : AF_INET, 0);
  at.writeUInt16BE(port, 2);
  at.set(addressBytes(address as Address), six ? 8 : 4);
  return at;
}

function checked(result: number, what: string): number {
  if (result < 0) throw new Error(`${what} failed with errno ${errno()}`);
  return result;
}
