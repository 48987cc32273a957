import { numbersOf } from '../../tiers/host-net.ts';
import { runTool } from '../processes/command.ts';

/** Routing that turns everything a uid sends to loopback (ip-rule(8), uidrange), in the network namespace we run in. It is the
 *  socket's owner that counts, as it was when the socket was made, so also for sockets that no process holds any more. */

/** Right after the kernel's own first rule, `lookup local`. Rules that are added without a number go before all but those with
 *  number 0, and `ip rule flush` leaves these alone (tried): nothing comes in between by accident. */
const FIRST = '0';
/** Says whose rules these are (ip-rule(8), protocol). */
const OURS = '98';

export const FAMILIES = ['-4', '-6'] as const;
export type Family = (typeof FAMILIES)[number];

/** Rules and routes of both families, as ip(8) lists them. */
export type Routing = Readonly<Record<Family, { readonly rules: readonly Rule[]; readonly routes: readonly Route[] }>>;

interface Rule {
  readonly priority: number;
  readonly uid_start?: number;
  readonly uid_end?: number;
  readonly table?: string;
  readonly action?: string;
}

interface Route {
  readonly type?: string;
  readonly dst: string;
  readonly dev?: string;
  readonly table?: string;
}

export function lookAtRouting(): Routing {
  const list = <T>(family: Family, what: readonly string[]): T[] => JSON.parse(ip(family, ['-j', ...what])) as T[];
  // A table that was never used is an error to ip(8), so all are listed.
  const both = (family: Family): Routing[Family] => ({
    rules: list<Rule>(family, ['rule', 'show']),
    routes: list<Route>(family, ['route', 'show', 'table', 'all', 'type', 'local']),
  });
  return { '-4': both('-4'), '-6': both('-6') };
}

/** Makes what is missing; the routes before the rule that leads to them. */
export function makeDeadEnd(uid: number, family: Family, routing: Routing): void {
  const { address4, table } = numbersOf(uid);
  const source = family === '-4' ? address4 : '::1';
  ip(family, ['route', 'replace', 'local', 'default', 'dev', 'lo', 'src', source, 'table', `${table}`]);
  for (const part of parts(uid))
    if (!part.among(routing[family].rules)) ip(family, ['rule', 'add', ...part.words, 'protocol', OURS]);
}

/** Whether all of it is there, some of it, or nothing. */
export function deadEnd(uid: number, family: Family, routing: Routing): 'all' | 'some' | 'none' {
  const there = [routed(uid, routing[family].routes), ...parts(uid).map((part) => part.among(routing[family].rules))];
  return there.every(Boolean) ? 'all' : there.some(Boolean) ? 'some' : 'none';
}

/** Takes it away, also when some of it is gone already. */
export function removeDeadEnd(uid: number, family: Family, routing: Routing): void {
  for (const part of parts(uid)) if (part.among(routing[family].rules)) ip(family, ['rule', 'del', ...part.words]);
  if (routed(uid, routing[family].routes)) ip(family, ['route', 'flush', 'table', `${numbersOf(uid).table}`]);
}

interface Part {
  readonly words: readonly string[];
  among(rules: readonly Rule[]): boolean;
}

/** The second is for sockets that were bound to another interface (SO_BINDTODEVICE, socket(7)), to which no route over loopback
 *  applies. IPv4 then takes every address to be on that link; what the socket's cgroup says holds it (src/host/cgroup/loopback-only.ts). */
function parts(uid: number): readonly Part[] {
  const who = ['pref', FIRST, 'uidrange', `${uid}-${uid}`];
  const table = `${numbersOf(uid).table}`;
  const ours = (rule: Rule): boolean => rule.priority === 0 && rule.uid_start === uid && rule.uid_end === uid;
  return [
    { words: [...who, 'lookup', table], among: (all) => all.some((rule) => ours(rule) && rule.table === table) },
    { words: [...who, 'unreachable'], among: (all) => all.some((rule) => ours(rule) && rule.action === 'unreachable') },
  ];
}

function routed(uid: number, routes: readonly Route[]): boolean {
  const table = `${numbersOf(uid).table}`;
  return routes.some((route) => route.table === table && route.dst === 'default' && route.dev === 'lo');
}

function ip(family: Family, args: readonly string[]): string {
  return runTool('ip', [family, ...args]);
}
