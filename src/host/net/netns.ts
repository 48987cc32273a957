import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { NTP_PORT } from '../../model/bounds.ts';
import { DNS_PORT, netnsRuleset, TRANSPARENT_PORT } from '../../tiers/netns-rules.ts';
import { errno, setns } from '../libc.ts';
import { type AgentSockets, dialAt, LOOPBACK4, LOOPBACK6, socketsAt } from './agent-sockets.ts';

/** A compartment's network namespace: `lo` up, every address local, our table, and sockets made inside it. */
const CLONE_NEWNET = 0x40000000; // sched.h

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

/** Opens the gateway's six sockets inside a namespace. */
export function openAgentSockets(path: string): AgentSockets {
  return within(path, () =>
    socketsAt({ address4: LOOPBACK4, address6: LOOPBACK6, tcp: TRANSPARENT_PORT, dns: DNS_PORT, ntp: NTP_PORT }),
  );
}

/** A connection to 127.0.0.1:port inside a namespace: see `dialAt`. */
export function dialInside(path: string, port: number): number {
  return within(path, () => dialAt(port));
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

function checked(result: number, what: string): number {
  if (result < 0) throw new Error(`${what} failed with errno ${errno()}`);
  return result;
}

function tool(program: string, args: readonly string[], input: string = ''): void {
  execFileSync(program, args, { input, stdio: ['pipe', 'ignore', 'pipe'] });
}
