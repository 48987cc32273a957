import { createHash } from 'node:crypto';
import { DEFAULT_STATE, type Places, STATE_FORMAT } from './places.ts';
import type { Resource } from './resource.ts';
import { wardenUnit } from './unit.ts';

/** What the programs themselves need on this machine, whatever the fleet: made by `up` before there is a warden. */
export interface MachineFacts {
  readonly places: Places;
  /** The tree `up` was started from, its version, and the digest over its files. */
  readonly tree: { readonly from: string; readonly version: string; readonly digest: string };
  readonly ids: { readonly gateway: number; readonly ledger: number };
  readonly ground: Ground;
  /** Whether process 1 is systemd. */
  readonly systemd: boolean;
  /** Set where there is no root: the programs run from their tree, and all is this user's. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

/** What the state calls its own on this machine. The default state has the plain names; any other has its own copy and its own
 *  users, so that two states never share or take away each other's ground. */
export interface Ground {
  readonly library: string;
  /** Undefined: no command is put into the PATH. */
  readonly command?: string;
  /** File name of the warden's unit, where systemd keeps it. */
  readonly unit: string;
  readonly users: { readonly gateway: string; readonly ledger: string };
}

export function groundOf(state: string): Ground {
  if (state === DEFAULT_STATE)
    return {
      library: '/usr/local/lib/bulkhead',
      command: '/usr/local/bin/bulkhead',
      unit: 'bulkhead.service',
      users: { gateway: 'bulkhead-gateway', ledger: 'bulkhead-ledger' },
    };
  const tail = createHash('sha256').update(state).digest('hex').slice(0, 8);
  return {
    library: `${state}/lib`,
    unit: `bulkhead-${tail}.service`,
    users: { gateway: `bulkhead-gateway-${tail}`, ledger: `bulkhead-ledger-${tail}` },
  };
}

/** The name that the identity has where systemd keeps it (systemd-creds(1)). */
export function credentialName(state: string): string {
  return groundOf(state).unit.replace(/\.service$/, '-identity');
}

/** What an ordinary user needs for the programs: folders. */
function rootlessMachine(places: Places, { uid, gid }: NonNullable<MachineFacts['user']>): Resource[] {
  const folder = (path: string): Resource => ({ kind: 'folder', path, mode: '0700', uid, gid });
  const { run, stage, ledgerRun, ledger, gateway, gate, pins, secrets, logs, agentLogs, agents } = places;
  return [
    folder(places.state),
    { kind: 'file', path: places.format, mode: '0644', text: `${STATE_FORMAT}\n` },
    ...[run, stage, ledgerRun, ledger, gateway, gate, pins, secrets, logs, agentLogs, agents].map(folder),
  ];
}

export function machineResources(facts: MachineFacts): Resource[] {
  if (facts.user) return rootlessMachine(facts.places, facts.user);
  const { places, tree, ids, ground, systemd } = facts;
  const home = `${ground.library}/${tree.version}`;
  const folder = (path: string, mode: string, id = 0): Resource => ({ kind: 'folder', path, mode, uid: id, gid: id });
  const program = (name: string, id: number): Resource[] => [
    { kind: 'group', name, gid: id },
    { kind: 'user', name, uid: id, gid: id, mark: 'Bulkhead program' },
  ];
  return [
    folder(places.state, '0711'),
    { kind: 'file', path: places.format, mode: '0644', text: `${STATE_FORMAT}\n` },
    folder(ground.library, '0755'),
    { kind: 'copy', path: home, from: tree.from, digest: tree.digest },
    ...(ground.command === undefined ? [] : [{ kind: 'link', path: ground.command, to: `${home}/bulkhead` } as const]),
    ...program(ground.users.gateway, ids.gateway),
    ...program(ground.users.ledger, ids.ledger),
    folder(places.run, '0755'),
    folder(places.stage, '0755'),
    folder(places.ledgerRun, '0755', ids.ledger),
    folder(places.ledger, '0700', ids.ledger),
    folder(places.gateway, '0700', ids.gateway),
    folder(places.secrets, '0700'),
    folder(places.gate, '0700'),
    folder(places.pins, '0700'),
    folder(places.logs, '0700'),
    folder(places.agentLogs, '0700'),
    folder(places.agents, '0711'),
    ...(systemd ? [wardenUnit({ name: ground.unit, home, state: places.state })] : []),
  ];
}
