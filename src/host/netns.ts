import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { Failure } from '../model/failure.ts';
import { DNS_PORT, netnsRuleset, TRANSPARENT_PORT } from '../tiers/netns-rules.ts';
import { bind, connect, errno, listen, setns, setsockopt, socket } from './libc.ts';

/** A compartment's network namespace: `lo` up, every address local, our table, and sockets made inside it. */
const CLONE_NEWNET = 0x40000000; // sched.h
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

/** Where ip-netns(8) keeps the namespace of that name. */
export function netnsPath(name: string): string {
  return `/run/netns/${name}`;
}

/** Makes and sets up a namespace. @throws if it exists already, or a tool fails (its stderr in the message) */
export function createNetns(name: string): void {
  tool('ip', ['netns', 'add', name]);
  try {
    setUpNetns(name);
  } catch (error) {
    deleteNetns(name);
    throw error;
  }
}

/** Sets up a namespace that is there, also one that was left half way: the rules come last. */
export function setUpNetns(name: string): void {
  tool('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
  tool('ip', ['-n', name, 'route', 'replace', 'local', 'default', 'dev', 'lo']);
  tool('ip', ['-n', name, '-6', 'route', 'replace', 'local', 'default', 'dev', 'lo']);
  loadNetnsRules(name);
}

/** Replaces the namespace's table, and its two settings that let unprivileged processes ping or take our ports. */
export function loadNetnsRules(name: string): void {
  within(netnsPath(name), () => {
    writeFileSync('/proc/sys/net/ipv4/ping_group_range', '1\t0');
    writeFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', '1024');
  });
  tool('ip', ['netns', 'exec', name, 'nft', '-f', '-'], netnsRuleset());
}

export function deleteNetns(name: string): void {
  tool('ip', ['netns', 'delete', name]);
}

export interface AgentSockets {
  readonly tcp4: number;
  readonly tcp6: number;
  readonly dns4: number;
  readonly dns6: number;
}

/** Opens the gateway's four sockets inside a namespace: two transparent listeners, two DNS sockets, non-blocking and
 *  close-on-exec. The caller owns the descriptors. */
export function openAgentSockets(path: string): AgentSockets {
  return within(path, () => {
    const opened: number[] = [];
    try {
      for (const family of [AF_INET, AF_INET6]) opened.push(listener(family));
      for (const family of [AF_INET, AF_INET6]) opened.push(bound(family, SOCK_DGRAM, DNS_PORT, []));
    } catch (error) {
      for (const fd of opened) closeSync(fd);
      throw error;
    }
    const [tcp4 = -1, tcp6 = -1, dns4 = -1, dns6 = -1] = opened;
    return { tcp4, tcp6, dns4, dns6 };
  });
}

/** A connection to 127.0.0.1:port inside a namespace, non-blocking: it may still be under way (the agent controls whether it is
 *  ever accepted, so nobody waits for it here). @throws Failure `nothing-listens` */
export function dialInside(path: string, port: number): number {
  return within(path, () => {
    const fd = checked(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), 'socket');
    const to = socketAddress(AF_INET, port);
    if (connect(fd, to, to.length) === 0 || errno() === EINPROGRESS) return fd;
    closeSync(fd);
    throw nothingListens(port);
  });
}

export function nothingListens(port: number): Failure {
  return new Failure(
    'nothing-listens',
    `nothing listens on port ${port} inside the compartment`,
    'Start the program that serves it; it must listen on 127.0.0.1 or on all addresses.',
    1,
  );
}

/** Runs something synchronous with the calling thread inside another network namespace (setns(2)). If the way back fails, the
 *  program must not go on: it throws out of the finally. */
export function within<T>(path: string, act: () => T): T {
  const here = openSync('/proc/thread-self/ns/net', 'r');
  try {
    const there = openSync(path, 'r');
    try {
      checked(setns(there, CLONE_NEWNET), `setns to ${path}`);
    } finally {
      closeSync(there);
    }
    try {
      return act();
    } finally {
      checked(setns(here, CLONE_NEWNET), 'setns back');
    }
  } finally {
    closeSync(here);
  }
}

function listener(family: number): number {
  const transparent: Option = family === AF_INET ? [SOL_IP, IP_TRANSPARENT] : [SOL_IPV6, IPV6_TRANSPARENT];
  const fd = bound(family, SOCK_STREAM, TRANSPARENT_PORT, [transparent]);
  checked(listen(fd, BACKLOG), 'listen');
  return fd;
}

type Option = readonly [level: number, name: number];

function bound(family: number, type: number, port: number, options: readonly Option[]): number {
  const fd = checked(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), 'socket');
  try {
    const all: Option[] = [...options];
    if (type === SOCK_STREAM) all.push([SOL_SOCKET, SO_REUSEADDR]);
    if (family === AF_INET6) all.push([SOL_IPV6, IPV6_V6ONLY]);
    for (const [level, name] of all) checked(setsockopt(fd, level, name, ONE, 4), `setsockopt ${level} ${name}`);
    const at = socketAddress(family, port);
    checked(bind(fd, at, at.length), `bind to port ${port}`);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** struct sockaddr_in (ip(7)) for 127.0.0.1, struct sockaddr_in6 (ipv6(7)) for ::1. */
function socketAddress(family: number, port: number): Buffer {
  const at = Buffer.alloc(family === AF_INET ? 16 : 28);
  at.writeUInt16LE(family, 0);
  at.writeUInt16BE(port, 2);
  if (family === AF_INET) at.set([127, 0, 0, 1], 4);
  else at[23] = 1;
  return at;
}

function checked(result: number, what: string): number {
  if (result < 0) throw new Error(`${what} failed with errno ${errno()}`);
  return result;
}

function tool(program: string, args: readonly string[], input: string = ''): void {
  execFileSync(program, args, { input, stdio: ['pipe', 'ignore', 'pipe'] });
}
